//! Reads. A row that is in memory costs microseconds, less than a hop to another thread, so single rows and short
//! ranges are read where they are asked for; what may take long goes to the blocking pool. A cold row costs one disk
//! read on the caller's thread, a fraction of a millisecond on the disks this store is for.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::{
    apply::{envelope, read_guard},
    codec::{self, KeyRange, Own},
    envelope::Envelope,
    trees::{Trees, read_error},
};
use crate::{
    ExportPage, Exported, Guard, Order, Page, Row, Slice, StoreError,
    clock::Clock,
    key::Key,
    table::{Family, TableDef},
};

/// Ranges of at most this many rows begin on the caller's thread.
const INLINE_ROWS: usize = 64;

/// Entries, deleted and expired ones included, after which a range moves to the blocking pool.
const INLINE_ENTRIES: usize = 256;

/// As many single rows are read on the caller's thread.
const INLINE_GETS: usize = 16;

#[derive(Clone)]
pub(super) struct Reader {
    pub trees: Arc<Trees>,
    pub clock: Clock,
}

impl Reader {
    pub fn get(
        &self,
        table: &'static TableDef,
        partition: &Key,
        clustering: &Key,
    ) -> Result<Option<Row>, StoreError> {
        let key = codec::row_key(table, partition, clustering);
        let stored = self.trees.get(table.family, &key).map_err(|error| read_error(table.name, &error))?;
        let Some(stored) = stored else { return Ok(None) };
        let row = envelope(table, &stored)?;
        Ok(row.is_visible(self.clock.now_ms()).then(|| to_row(clustering.clone(), &row)))
    }

    pub async fn multi_get(
        &self,
        table: &'static TableDef,
        keys: &[(Key, Key)],
    ) -> Result<Vec<Option<Row>>, StoreError> {
        fn all(
            reader: &Reader,
            table: &'static TableDef,
            keys: &[(Key, Key)],
        ) -> Result<Vec<Option<Row>>, StoreError> {
            keys.iter().map(|(partition, clustering)| reader.get(table, partition, clustering)).collect()
        }
        if keys.len() <= INLINE_GETS {
            return all(self, table, keys);
        }
        let (reader, keys) = (self.clone(), keys.to_vec());
        blocking(move || all(&reader, table, &keys)).await
    }

    pub async fn slice(
        &self,
        table: &'static TableDef,
        partition: &Key,
        slice: Slice,
    ) -> Result<Page, StoreError> {
        let inline = slice.limit <= INLINE_ROWS;
        let mut scan = self.scan(table, partition, slice, |clustering, row, _| to_row(clustering, row));
        if inline && scan.run(INLINE_ENTRIES)? {
            return Ok(Page { rows: scan.rows, more: scan.more });
        }
        blocking(move || scan.run(usize::MAX).map(|_| Page { rows: scan.rows, more: scan.more })).await
    }

    pub async fn export(
        &self,
        table: &'static TableDef,
        partition: &Key,
        slice: Slice,
    ) -> Result<ExportPage, StoreError> {
        let mut scan = self.scan(table, partition, slice, |clustering, row, now_ms| Exported {
            row: to_row(clustering, row),
            stamp: row.stamp,
            life: row.life(now_ms),
        });
        blocking(move || scan.run(usize::MAX).map(|_| ExportPage { rows: scan.rows, more: scan.more })).await
    }

    fn scan<T>(
        &self,
        table: &'static TableDef,
        partition: &Key,
        slice: Slice,
        make: fn(Key, &Envelope<'_>, u64) -> T,
    ) -> Scan<T> {
        let Slice { from, to, order, limit } = slice;
        let range = codec::range(table, partition, &from, &to);
        Scan {
            table,
            prefix: codec::partition_key(table, partition).len(),
            limit,
            now_ms: self.clock.now_ms(),
            entries: self.entries(table.family, range, order),
            make,
            rows: Vec::with_capacity(limit.min(INLINE_ROWS)),
            more: false,
        }
    }

    pub fn guard(&self, table: &'static TableDef, partition: &Key) -> Result<Option<Guard>, StoreError> {
        let key = codec::partition_key(table, partition);
        let stored = self.trees.get(table.family, &key).map_err(|error| read_error(table.name, &error))?;
        read_guard(table, stored.as_deref())
    }

    pub async fn partitions(
        &self,
        table: &'static TableDef,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Key>, StoreError> {
        let mut start = match after {
            Some(after) => codec::successor(&codec::partition_key(table, after)),
            None => vec![table.id],
        };
        let reader = self.clone();
        blocking(move || {
            let mut found = Vec::new();
            while found.len() < limit
                && let Some((partition, encoded)) = reader.next_partition(table, start)?
            {
                found.push(partition);
                start = codec::successor(&encoded);
            }
            Ok(found)
        })
        .await
    }

    /// The first partition from `start` on that has a guard or a visible row, with its encoded key.
    fn next_partition(
        &self,
        table: &'static TableDef,
        start: Vec<u8>,
    ) -> Result<Option<(Key, Vec<u8>)>, StoreError> {
        let now_ms = self.clock.now_ms();
        for entry in self.trees.range(table.family, KeyRange { start, end: codec::successor(&[table.id]) }) {
            let (key, value) = entry.into_inner().map_err(|error| read_error(table.name, &error))?;
            let Some((partition, clustering)) = codec::read(table.partition, &key[1..]) else {
                return Err(StoreError::corrupt(table.name, format!("key {key:?}")));
            };
            let is_guard = table.is_guarded() && clustering.is_empty();
            // A value that cannot be read counts: whoever walks must come across it.
            if is_guard || Envelope::decode(&value).is_none_or(|row| row.is_visible(now_ms)) {
                return Ok(Some((partition, key[..key.len() - clustering.len()].to_vec())));
            }
        }
        Ok(None)
    }

    /// Keys of the index of expiries that are due, at most `limit`, oldest first.
    pub fn due(&self, family: Family, limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        let end = self.clock.now_ms().saturating_add(1).to_be_bytes();
        let range = KeyRange { start: Own::Expiry.key(&[]), end: Own::Expiry.key(&[&end]) };
        let entries = self.trees.range(family, range).take(limit);
        entries
            .map(|entry| entry.key().map(|key| key.to_vec()).map_err(|error| read_error("expiry", &error)))
            .collect()
    }

    fn entries(&self, family: Family, range: KeyRange, order: Order) -> Entries {
        if range.is_empty() {
            return Box::new(std::iter::empty());
        }
        let entries = self.trees.range(family, range);
        match order {
            Order::Forward => Box::new(entries),
            Order::Backward => Box::new(entries.rev()),
        }
    }
}

type Entries = Box<dyn Iterator<Item = fjall::Guard> + Send>;

/// A range being read; it can move to another thread in the middle.
struct Scan<T> {
    table: &'static TableDef,
    /// The length of the encoded partition key.
    prefix: usize,
    limit: usize,
    now_ms: u64,
    entries: Entries,
    /// What becomes of a row at this time.
    make: fn(Key, &Envelope<'_>, u64) -> T,
    rows: Vec<T>,
    /// Whether the range goes on beyond the rows.
    more: bool,
}

impl<T> Scan<T> {
    /// Reads on for at most `budget` entries; whether the page is complete.
    fn run(&mut self, budget: usize) -> Result<bool, StoreError> {
        for _ in 0..budget {
            let Some(entry) = self.entries.next() else { return Ok(true) };
            let (key, value) = entry.into_inner().map_err(|error| read_error(self.table.name, &error))?;
            let clustering = codec::read_clustering(self.table, &key[self.prefix..])
                .ok_or_else(|| StoreError::corrupt(self.table.name, format!("key {key:?}")))?;
            let row = Envelope::decode(&value)
                .ok_or_else(|| StoreError::corrupt(self.table.name, format!("{clustering:?} is no row")))?;
            if !row.is_visible(self.now_ms) {
                continue;
            }
            if self.rows.len() == self.limit {
                self.more = true;
                return Ok(true);
            }
            self.rows.push((self.make)(clustering, &row, self.now_ms));
        }
        Ok(false)
    }
}

fn to_row(clustering: Key, row: &Envelope<'_>) -> Row {
    Row { clustering, value: Bytes::copy_from_slice(row.value) }
}

async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(read).await.unwrap_or_else(|error| {
        Err(StoreError::Unavailable {
            reason: format!("a read ended early: {error}"),
            retry_after: Duration::from_secs(1),
        })
    })
}
