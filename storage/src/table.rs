//! The definition of a table: the one place that says what its keys are, who writes it and how long rows live.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};

use crate::key::{FromKey, Key, KeyValue};

/// The type of a key column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// CQL `text`.
    Text,
    /// CQL `bigint`.
    Int,
}

/// A named, typed key column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// The column's name in CQL and in dumps.
    pub name: &'static str,
    /// Its type.
    pub kind: ColumnKind,
}

/// A text column.
pub const fn text(name: &'static str) -> Column {
    Column { name, kind: ColumnKind::Text }
}

/// An integer column.
pub const fn int(name: &'static str) -> Column {
    Column { name, kind: ColumnKind::Int }
}

/// Tables with a common access pattern share an LSM tree in the embedded store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Event bodies: append-only, large values (key-value separated).
    Log,
    /// Room state and indexes of events.
    State,
    /// Accounts, devices, account data, memberships.
    User,
    /// Keys and to-device messages: short-lived.
    Encryption,
    /// The server's own rows.
    Meta,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 5] = [Self::Log, Self::State, Self::User, Self::Encryption, Self::Meta];

    /// The name of its keyspace on disk.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::State => "state",
            Self::User => "user",
            Self::Encryption => "encryption",
            Self::Meta => "meta",
        }
    }
}

/// How the rows of a table are written; a table has one way and no other.
///
/// In CQL a conditional write takes its time from a ballot of the servers, a plain one from its stamp. On one row the
/// two would race by clocks that have nothing to do with each other: a claim that applied could stay invisible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrittenBy {
    /// Unconditional, stamped writes, also those that ride on an append or a claim.
    Write,
    /// Conditional appends; each partition carries a [`Guard`](crate::Guard) (static columns in CQL).
    Append,
    /// Conditional batches of one partition.
    Claim,
}

/// What a back end needs to know of a table.
#[derive(Debug)]
pub struct TableDef {
    /// Its name in CQL, dumps and errors.
    pub name: &'static str,
    /// Its byte in the embedded store; unique, never reused.
    pub id: u8,
    /// Which LSM tree it lives in.
    pub family: Family,
    /// The partition key's columns, at least one.
    pub partition: &'static [Column],
    /// The clustering key's columns; empty for one row a partition.
    pub clustering: &'static [Column],
    /// How its rows come about.
    pub written_by: WrittenBy,
    /// The life of a row, counted from its write, where rows expire.
    pub ttl: Option<Duration>,
}

impl TableDef {
    /// Whether partitions carry a [`Guard`](crate::Guard).
    pub fn is_guarded(&self) -> bool {
        self.written_by == WrittenBy::Append
    }

    /// Whether `key` holds a value of the right kind for each of the first columns of `columns`.
    fn fits(columns: &[Column], key: &[KeyValue]) -> bool {
        key.len() <= columns.len()
            && columns.iter().zip(key).all(|(column, value)| {
                matches!(
                    (column.kind, value),
                    (ColumnKind::Text, KeyValue::Text(_)) | (ColumnKind::Int, KeyValue::Int(_))
                )
            })
    }

    /// Whether `key` is a whole partition key of this table.
    pub fn is_partition(&self, key: &Key) -> bool {
        key.len() == self.partition.len() && Self::fits(self.partition, key)
    }

    /// Whether `key` is a whole clustering key of this table.
    pub fn is_clustering(&self, key: &Key) -> bool {
        key.len() == self.clustering.len() && Self::fits(self.clustering, key)
    }

    /// Whether `key` is a clustering key of this table or a prefix of one.
    pub fn is_clustering_prefix(&self, key: &Key) -> bool {
        Self::fits(self.clustering, key)
    }
}

/// A table with its types. Rows are stored as JSON, so that a person can read them in a dump and in cqlsh.
pub trait Table: 'static {
    /// The definition.
    const DEF: &'static TableDef;
    /// The partition key, owned.
    type Partition: FromKey + Send;
    /// The clustering key, owned.
    type Clustering: FromKey + Send;
    /// The value of a row.
    type Row: Serialize + DeserializeOwned + Send;
}
