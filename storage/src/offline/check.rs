//! The check of a whole store: first every row by itself, then every room.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    history,
    kinds::{KINDS, Kind},
    named, named_row, room,
    walk::{Walk, Walked},
};
use crate::{
    Store, StoreError,
    key::{FromKey as _, Key},
    table::{Table, TableDef},
    tables::{RoomHead, RoomLog},
};

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The table's name.
    pub table: &'static str,
    /// The row or partition, its columns by name.
    pub key: String,
    /// What is wrong, in a sentence.
    pub what: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.table, self.key, self.what)
    }
}

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Rows of a table looked at so far.
    Rows {
        /// The table's name.
        table: &'static str,
        /// Its place among all, from 0.
        index: usize,
        /// How many tables there are.
        of: usize,
        /// Rows so far.
        rows: u64,
    },
    /// Rooms looked at so far.
    Rooms {
        /// Rooms so far.
        done: u64,
        /// All rooms.
        of: u64,
    },
}

/// Hears of findings and progress as they come.
pub trait Watch: Send {
    /// Something is wrong.
    fn found(&mut self, finding: Finding);
    /// The check went on.
    fn went_on(&mut self, _progress: Progress) {}
}

impl Watch for Vec<Finding> {
    fn found(&mut self, finding: Finding) {
        self.push(finding);
    }
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows of all tables.
    pub rows: u64,
    /// Rooms.
    pub rooms: u64,
    /// Things that were wrong.
    pub findings: u64,
}

/// Where findings go, counted.
pub(super) struct Ear<'a> {
    watch: &'a mut dyn Watch,
    findings: u64,
}

impl Ear<'_> {
    pub fn row(
        &mut self,
        table: &'static TableDef,
        partition: &Key,
        clustering: &Key,
        what: impl Into<String>,
    ) {
        self.tell(table, named_row(table, partition, clustering), what.into());
    }

    pub fn partition(&mut self, table: &'static TableDef, partition: &Key, what: impl Into<String>) {
        self.tell(table, named(table.partition, partition), what.into());
    }

    fn tell(&mut self, table: &'static TableDef, key: String, what: String) {
        self.findings += 1;
        self.watch.found(Finding { table: table.name, key, what });
    }

    /// Takes a failed read of a partition as a finding, if it is damage there; any other failure ends the check.
    pub fn unless_damaged<T>(
        &mut self,
        result: Result<T, StoreError>,
        table: &'static TableDef,
        partition: &Key,
    ) -> Result<Option<T>, StoreError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error @ StoreError::Corrupt { .. }) => {
                self.partition(table, partition, error.to_string());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Looks at every row of every table and at every room, and tells `watch` what is wrong.
///
/// # Errors
/// Where the store cannot be read at all.
pub async fn check(store: &Store, watch: &mut dyn Watch) -> Result<Summary, StoreError> {
    let mut ear = Ear { watch, findings: 0 };
    let mut rows = 0;
    for (index, kind) in KINDS.iter().enumerate() {
        rows += check_rows(store, kind, index, &mut ear).await?;
    }
    let rooms = rooms(store).await?;
    for (done, (room, buckets)) in (1..).zip(&rooms) {
        room::check(store, room, buckets, &mut ear).await?;
        ear.watch.went_on(Progress::Rooms { done, of: rooms.len() as u64 });
    }
    history::check(store, &mut ear).await?;
    Ok(Summary { rows, rooms: rooms.len() as u64, findings: ear.findings })
}

async fn check_rows(store: &Store, kind: &Kind, index: usize, ear: &mut Ear<'_>) -> Result<u64, StoreError> {
    let table = kind.def;
    let mut walk = Walk::new(store, table);
    let mut seen = 0;
    while let Some(page) = walk.next().await? {
        match page {
            Walked::Rows { partition, rows } => {
                for row in &rows {
                    if let Err(what) = kind.decode(&partition, &row.clustering, &row.value) {
                        ear.row(table, &partition, &row.clustering, what);
                    }
                }
                seen += rows.len() as u64;
            }
            Walked::Unreadable { partition, error } => ear.partition(table, &partition, error.to_string()),
        }
        ear.watch.went_on(Progress::Rows { table: table.name, index, of: KINDS.len(), rows: seen });
    }
    Ok(seen)
}

/// The rooms that have a log or a head, with the buckets of their log.
async fn rooms(store: &Store) -> Result<BTreeMap<String, BTreeSet<i64>>, StoreError> {
    let mut rooms: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    for (room,) in partitions::<RoomHead>(store).await? {
        rooms.entry(room).or_default();
    }
    for (room, bucket) in partitions::<RoomLog>(store).await? {
        rooms.entry(room).or_default().insert(bucket);
    }
    Ok(rooms)
}

async fn partitions<T: Table>(store: &Store) -> Result<Vec<T::Partition>, StoreError> {
    const PAGE: usize = 1_000;
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let page = store.backend().partitions(T::DEF, after.as_ref(), PAGE).await?;
        keys.extend(page.iter().filter_map(|key| T::Partition::from_key(key)));
        match page.into_iter().next_back() {
            Some(last) => after = Some(last),
            None => return Ok(keys),
        }
    }
}
