//! How far a copy is: a row in the target's table of facts, moved on by claim so that two copies do not mix.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::{CopyError, in_order};
use crate::{
    Claim, Expect, IntoKey as _, Outcome, Store, StoreError,
    key::{Key, KeyValue},
    offline::{
        patience::{ATTEMPTS, patiently},
        walk::{Walk, Walked},
    },
    store::encode,
    table::Table as _,
    tables::{self, Server, Slot, server::ServerRow},
};

/// The name of the row, among the facts of the server.
pub(in crate::offline) const NAME: &str = "copy";

/// Whether the store is a copy that was begun and not finished: no server may run on it.
///
/// # Errors
/// Where the store cannot be read.
pub async fn is_half_copied(store: &Store) -> Result<bool, StoreError> {
    Ok(store.get::<Server>((NAME,), ()).await?.is_some())
}

/// What tells one server from another, and from itself after it ran again: its facts and the limits of its positions,
/// which every run moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seal(String);

impl Seal {
    pub async fn of(source: &Store) -> Result<Self, CopyError> {
        if is_half_copied(source).await.map_err(CopyError::Source)? {
            return Err(CopyError::SourceIsHalfCopied);
        }
        let name = source.get::<Server>(("server_name",), ()).await.map_err(CopyError::Source)?;
        if name.is_none() {
            return Err(CopyError::NoServer);
        }
        let mut rows = Vec::new();
        for table in [Server::DEF, Slot::DEF] {
            let mut walk = Walk::new(source, table);
            while let Some(page) = walk.next().await.map_err(CopyError::Source)? {
                match page {
                    Walked::Rows { partition, rows: page } => {
                        rows.extend(page.into_iter().map(|row| (partition.clone(), row.value)));
                    }
                    Walked::Unreadable { error, .. } => return Err(CopyError::Source(error)),
                }
            }
        }
        // Stores walk in orders of their own.
        rows.sort();
        let mut hash = Xxh3::new();
        for (partition, value) in rows {
            hash.update(format!("{partition:?}").as_bytes());
            hash.update(&value);
        }
        Ok(Self(format!("{:032x}", hash.digest128())))
    }
}

/// How far the copy is, as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Place {
    seal: Seal,
    /// The table that is being copied, none when all are.
    table: Option<String>,
    /// The partition of it up to which all is copied.
    after: Option<Vec<Column>>,
}

/// A column of a key in the mark.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Column {
    Int(i64),
    Text(String),
}

/// The mark of a copy that this process makes.
pub(super) struct Mark<'a> {
    target: &'a Store,
    place: Place,
    after: Option<Key>,
    stored: Bytes,
}

impl<'a> Mark<'a> {
    /// The mark that is in the target, or a new one in an empty target; and whether it was there.
    pub async fn take(target: &'a Store, seal: Seal) -> Result<(Self, bool), CopyError> {
        if let Some(row) = target.get::<Server>((NAME,), ()).await.map_err(CopyError::Target)? {
            let place: Place = serde_json::from_str(&row.value)
                .map_err(|error| CopyError::Target(StoreError::corrupt(Server::DEF.name, error)))?;
            if place.seal != seal {
                return Err(CopyError::OtherCopy);
            }
            let after = place.after.clone().map(key_of);
            return Ok((Self { target, place, after, stored: encode(&row) }, true));
        }
        is_empty(target).await?;
        let table = in_order().next().map(|table| table.name.to_owned());
        let mut mark =
            Self { target, place: Place { seal, table, after: None }, after: None, stored: Bytes::new() };
        mark.store(Some(Expect::Absent)).await?;
        Ok((mark, false))
    }

    /// How many tables are copied whole. One that this version does not know has begun at the first again.
    pub fn tables_done(&self) -> usize {
        let Some(present) = &self.place.table else { return tables::ALL.len() };
        in_order().position(|table| table.name == present).unwrap_or(0)
    }

    /// The partition of the present table up to which all is copied.
    pub fn after(&self) -> Option<&Key> {
        self.after.as_ref()
    }

    /// All up to `partition` is copied.
    pub async fn advance(&mut self, partition: Key) -> Result<(), CopyError> {
        self.place.after = Some(partition.iter().map(column_of).collect());
        self.after = Some(partition);
        self.store(None).await
    }

    /// The present table is copied whole.
    pub async fn finish_table(&mut self) -> Result<(), CopyError> {
        self.place.table = in_order().nth(self.tables_done() + 1).map(|table| table.name.to_owned());
        (self.place.after, self.after) = (None, None);
        self.store(None).await
    }

    /// The copy is whole, and may be used.
    pub async fn remove(self) -> Result<(), CopyError> {
        self.claim(Expect::Value(self.stored.clone()), None).await
    }

    async fn store(&mut self, expected: Option<Expect>) -> Result<(), CopyError> {
        let expected = expected.unwrap_or_else(|| Expect::Value(self.stored.clone()));
        let value = String::from_utf8_lossy(&encode(&self.place)).into_owned();
        let row = encode(&ServerRow { value });
        self.claim(expected, Some(row.clone())).await?;
        self.stored = row;
        Ok(())
    }

    /// Sets the row, or removes it. **Invariant**: a claim of unknown outcome expects what is no longer there once
    /// another attempt has applied, so it cannot come late.
    async fn claim(&self, expected: Expect, row: Option<Bytes>) -> Result<(), CopyError> {
        let backend = self.target.backend();
        let claim = Claim {
            table: Server::DEF,
            partition: (NAME,).to_key(),
            conditions: vec![(Key::new(), expected)],
            writes: vec![(Key::new(), row.clone())],
            projections: Vec::new(),
        };
        for _ in 0..ATTEMPTS {
            let outcome =
                patiently(async || backend.claim(claim.clone()).await).await.map_err(CopyError::Target)?;
            if outcome == Outcome::Applied {
                return Ok(());
            }
            let stored = backend.get(Server::DEF, &claim.partition, &Key::new()).await;
            let stored = stored.map_err(CopyError::Target)?.map(|stored| stored.value);
            match outcome {
                _ if stored == row => return Ok(()),
                Outcome::Refused => break,
                Outcome::Applied | Outcome::Unknown => {}
            }
        }
        Err(CopyError::Contended { what: "the mark of this copy has changed".to_owned() })
    }
}

async fn is_empty(target: &Store) -> Result<(), CopyError> {
    for table in tables::ALL {
        let some = target.backend().partitions(table, None, 1).await.map_err(CopyError::Target)?;
        if !some.is_empty() {
            return Err(CopyError::TargetNotEmpty { table: table.name });
        }
    }
    Ok(())
}

fn column_of(value: &KeyValue) -> Column {
    match value {
        KeyValue::Int(number) => Column::Int(*number),
        KeyValue::Text(text) => Column::Text(text.clone()),
    }
}

fn key_of(columns: Vec<Column>) -> Key {
    let value = |column| match column {
        Column::Int(number) => KeyValue::Int(number),
        Column::Text(text) => KeyValue::Text(text),
    };
    columns.into_iter().map(value).collect()
}
