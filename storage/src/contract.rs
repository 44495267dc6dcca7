//! What every back end promises.
//!
//! - A row is durable when the call that wrote it returns (**I2**).
//! - Every table is [written in one way](crate::WrittenBy): its rows by [`Backend::write`], or by [`Backend::append`],
//!   or by [`Backend::claim`]. Another way is [`StoreError::Misuse`].
//! - [`Backend::append`] and [`Backend::claim`] are atomic and conditional in *one* partition.
//! - [`Backend::write`] is idempotent and ordered by stamp per row, but **not** atomic across partitions: after a
//!   crash or an error any subset may be there. Callers write what a replay mends.
//! - `projections` that ride on an append or a claim are such writes too: they are durable when the
//!   answer is [`Outcome::Applied`]. A crash before the answer may leave the batch without some of them, unless the
//!   store says that they are [atomic](Backend::atomic_projections); their owner replays them.
//! - Values are UTF-8 text, JSON but for tests: readable in cqlsh and in dumps. No partition is written whose whole key
//!   is one empty text.
//! - The life of a row is kept to about a second.

use std::{ops::Bound, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{StoreError, key::Key, table::TableDef};

/// Orders writes of one row: of two writes the higher stamp wins, whenever they arrive. A stream position.
///
/// At equal stamps a delete wins over a put and the larger value over the smaller, as in CQL: give every change of a
/// row its own stamp. Rows of appends and claims have none: their order is that in which they applied. A deletion is
/// remembered for ten days; a put that is later than that is taken as new.
pub type Stamp = i64;

/// A stored row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its clustering key.
    pub clustering: Key,
    /// Its value.
    pub value: Bytes,
}

/// The guard of a partition: what a conditional append is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// How often the partition was fenced. An append by a writer with an older fence is refused.
    pub fence: i64,
    /// The clustering position of the newest appended row; `None` before the first.
    pub head_seq: Option<i64>,
    /// What the writer stored beside the newest append, atomically with it.
    pub head: Bytes,
}

/// Rows appended to a guarded partition, all or none.
#[derive(Debug, Clone)]
pub struct Append {
    /// The table, one [written by append](crate::WrittenBy::Append).
    pub table: &'static TableDef,
    /// The partition.
    pub partition: Key,
    /// The fence that the writer holds.
    pub fence: i64,
    /// The head sequence that the writer believes in.
    pub expected_head_seq: Option<i64>,
    /// The head sequence after the append.
    pub new_head_seq: i64,
    /// The new head.
    pub head: Bytes,
    /// The rows.
    pub rows: Vec<(Key, Bytes)>,
    /// Writes elsewhere that follow from the append.
    pub projections: Vec<Write>,
}

/// What a row must be for a claim to apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// There is no such row.
    Absent,
    /// There is such a row, whatever it holds.
    Present,
    /// The row holds exactly this.
    Value(Bytes),
}

/// A conditional batch in one partition: unique names, one-time keys, token rotation.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The table, one [written by claim](crate::WrittenBy::Claim).
    pub table: &'static TableDef,
    /// The partition.
    pub partition: Key,
    /// All must hold; at least one. A row that is written need not be among them.
    pub conditions: Vec<(Key, Expect)>,
    /// Puts (`Some`) and deletes (`None`), all or none; each row once.
    pub writes: Vec<(Key, Option<Bytes>)>,
    /// Writes elsewhere that follow from the claim.
    pub projections: Vec<Write>,
}

/// The answer to a conditional batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// It is durable.
    Applied,
    /// A condition did not hold; nothing was written.
    Refused,
    /// It may or may not have been applied, or may yet be. The caller reads back before it decides.
    Unknown,
}

/// An unconditional, idempotent write to a table that is [written so](crate::WrittenBy::Write).
#[derive(Debug, Clone)]
pub enum Write {
    /// Sets a row.
    Put {
        /// The table.
        table: &'static TableDef,
        /// The partition.
        partition: Key,
        /// The clustering key.
        clustering: Key,
        /// The value.
        value: Bytes,
        /// The stamp; the row keeps the highest.
        stamp: Stamp,
        /// A shorter life than the table's.
        ttl: Option<Duration>,
    },
    /// Deletes a row.
    Delete {
        /// The table.
        table: &'static TableDef,
        /// The partition.
        partition: Key,
        /// The clustering key.
        clustering: Key,
        /// The stamp; a row written with a higher one stays.
        stamp: Stamp,
    },
    /// Deletes the rows of a partition within a range.
    DeleteRange {
        /// The table.
        table: &'static TableDef,
        /// The partition.
        partition: Key,
        /// From where, a clustering key or a prefix of one.
        from: Bound<Key>,
        /// To where, a clustering key or a prefix of one.
        to: Bound<Key>,
        /// The stamp; rows written with a higher one stay.
        stamp: Stamp,
    },
}

impl Write {
    /// The table and the partition that it is for.
    pub const fn place(&self) -> (&'static TableDef, &Key) {
        let (Self::Put { table, partition, .. }
        | Self::Delete { table, partition, .. }
        | Self::DeleteRange { table, partition, .. }) = self;
        (*table, partition)
    }
}

/// In which direction to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Smallest clustering key first.
    Forward,
    /// Largest clustering key first.
    Backward,
}

/// A range of one partition. A bound may be a prefix of a clustering key: an included prefix takes in every row
/// that starts with it, an excluded one none of them.
#[derive(Debug, Clone)]
pub struct Slice {
    /// Lower bound.
    pub from: Bound<Key>,
    /// Upper bound.
    pub to: Bound<Key>,
    /// The direction.
    pub order: Order,
    /// The most rows to return; at least 1.
    pub limit: usize,
}

/// Rows in order.
#[derive(Debug, Clone)]
pub struct Page {
    /// At most `limit` rows.
    pub rows: Vec<Row>,
    /// Whether the range holds more rows beyond the last one.
    pub more: bool,
}

/// A row with what decides over it, so that a copy of it lives and is replaced as the row itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The row.
    pub row: Row,
    /// The stamp of the write; says nothing of rows that were appended or claimed.
    pub stamp: Stamp,
    /// What is left of its life, if it expires; in steps of the store's own, a second at most.
    pub life: Option<Duration>,
}

/// Exported rows in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportPage {
    /// At most `limit` rows.
    pub rows: Vec<Exported>,
    /// Whether the range holds more rows beyond the last one.
    pub more: bool,
}

/// A store.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// One row, if it is there and has not expired.
    async fn get(
        &self,
        table: &'static TableDef,
        partition: &Key,
        clustering: &Key,
    ) -> Result<Option<Row>, StoreError>;

    /// Many rows of one table, each by its partition and clustering key; answers in the order of the keys.
    async fn multi_get(
        &self,
        table: &'static TableDef,
        keys: &[(Key, Key)],
    ) -> Result<Vec<Option<Row>>, StoreError>;

    /// A range of one partition.
    async fn slice(
        &self,
        table: &'static TableDef,
        partition: &Key,
        slice: Slice,
    ) -> Result<Page, StoreError>;

    /// The guard of a partition, or `None` if it was never fenced. A serial read: sees every settled append.
    async fn guard(&self, table: &'static TableDef, partition: &Key) -> Result<Option<Guard>, StoreError>;

    /// Takes the partition over: raises its fence and returns the guard. Appends by earlier holders are refused
    /// from now on, those of unknown outcome included.
    async fn fence(&self, table: &'static TableDef, partition: &Key) -> Result<Guard, StoreError>;

    /// Appends rows if the fence and the head are as expected.
    async fn append(&self, append: Append) -> Result<Outcome, StoreError>;

    /// Writes rows of one partition if all conditions hold.
    async fn claim(&self, claim: Claim) -> Result<Outcome, StoreError>;

    /// Writes rows; see the module's words on atomicity. Durable on return.
    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError>;

    /// A range of one partition, with the stamps and lives of the rows: for copies, never on a request path.
    async fn export(
        &self,
        table: &'static TableDef,
        _partition: &Key,
        _slice: Slice,
    ) -> Result<ExportPage, StoreError> {
        Err(StoreError::Misuse {
            table: table.name,
            reason: "this store does not export its rows".to_owned(),
        })
    }

    /// Partition keys of a table after `after`, in the store's own order, at most `limit`: for offline walks
    /// (check, dump, copy) and start-up, never on a request path.
    async fn partitions(
        &self,
        table: &'static TableDef,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Key>, StoreError>;

    /// Whether the projections of an append or a claim are atomic with it. If not, a crash between the two may lose
    /// some of them, and the owner replays the log.
    fn atomic_projections(&self) -> bool {
        false
    }

    /// Whether the store would acknowledge a write now.
    async fn ready(&self) -> Result<(), StoreError>;

    /// Stops taking writes, finishes those accepted and releases the store.
    async fn close(&self);
}
