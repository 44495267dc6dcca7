//! Walks over all rows of a table, a page at a time.

use std::ops::Bound;

use crate::{Order, Row, Slice, Store, StoreError, key::Key, table::TableDef};

/// Partitions that one call asks for.
const PAGE_PARTITIONS: usize = 500;

/// Rows that one call asks for.
const PAGE_ROWS: usize = 1_000;

/// A page of a walk.
#[derive(Debug)]
pub enum Walked {
    /// Rows of one partition in order; a partition without any, which has a guard only, makes one empty page.
    Rows {
        /// The partition.
        partition: Key,
        /// The rows.
        rows: Vec<Row>,
    },
    /// The rest of a partition cannot be read; the walk goes on with the next.
    Unreadable {
        /// The partition.
        partition: Key,
        /// What the store said.
        error: StoreError,
    },
}

/// A walk over the rows of a table, in the store's own order.
#[derive(Debug)]
pub struct Walk<'a> {
    store: &'a Store,
    table: &'static TableDef,
    /// Partitions still to visit, the next one last.
    ahead: Vec<Key>,
    /// The last partition that was taken from the store.
    last: Option<Key>,
    /// The walk ends with the present partition.
    one: bool,
    /// Where the present partition goes on.
    within: Option<(Key, Bound<Key>)>,
}

impl<'a> Walk<'a> {
    /// A walk over the whole table.
    pub fn new(store: &'a Store, table: &'static TableDef) -> Self {
        Self { store, table, ahead: Vec::new(), last: None, one: false, within: None }
    }

    /// A walk over one partition.
    pub fn of_partition(store: &'a Store, table: &'static TableDef, partition: Key) -> Self {
        let within = Some((partition, Bound::Unbounded));
        Self { one: true, within, ..Self::new(store, table) }
    }

    /// The next page, `None` at the end.
    ///
    /// # Errors
    /// Where the store cannot be read at all; a partition that cannot be read is a page of its own.
    pub async fn next(&mut self) -> Result<Option<Walked>, StoreError> {
        let (partition, from) = match self.within.take() {
            Some(within) => within,
            None => match self.next_partition().await? {
                Some(partition) => (partition, Bound::Unbounded),
                None => return Ok(None),
            },
        };
        let slice = Slice { from, to: Bound::Unbounded, order: Order::Forward, limit: PAGE_ROWS };
        match self.store.backend().slice(self.table, &partition, slice).await {
            Ok(page) => {
                if let (true, Some(last)) = (page.more, page.rows.last()) {
                    self.within = Some((partition.clone(), Bound::Excluded(last.clustering.clone())));
                }
                Ok(Some(Walked::Rows { partition, rows: page.rows }))
            }
            Err(error @ StoreError::Corrupt { .. }) => Ok(Some(Walked::Unreadable { partition, error })),
            Err(error) => Err(error),
        }
    }

    async fn next_partition(&mut self) -> Result<Option<Key>, StoreError> {
        if self.one {
            return Ok(None);
        }
        if self.ahead.is_empty() {
            let backend = self.store.backend();
            self.ahead = backend.partitions(self.table, self.last.as_ref(), PAGE_PARTITIONS).await?;
            self.ahead.reverse();
            if let Some(last) = self.ahead.first() {
                self.last = Some(last.clone());
            }
        }
        Ok(self.ahead.pop())
    }
}
