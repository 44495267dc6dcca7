//! The rows of one partition with their stamps and lives, a page at a time.

use std::{collections::VecDeque, ops::Bound};

use crate::{
    Backend, Exported, Order, Slice, StoreError, key::Key, offline::patience::patiently, table::TableDef,
};

/// Rows that one call asks for.
pub(super) const PAGE_ROWS: usize = 100;

/// A partition being exported.
pub(super) struct Export<'a> {
    store: &'a dyn Backend,
    table: &'static TableDef,
    partition: &'a Key,
    /// Where it goes on; `None` at the end.
    from: Option<Bound<Key>>,
    page: VecDeque<Exported>,
}

impl<'a> Export<'a> {
    /// The rows of a partition from `from` on.
    pub fn from(
        store: &'a dyn Backend,
        table: &'static TableDef,
        partition: &'a Key,
        from: Bound<Key>,
    ) -> Self {
        Self { store, table, partition, from: Some(from), page: VecDeque::new() }
    }

    /// The next rows, none at the end.
    pub async fn next_page(&mut self) -> Result<Vec<Exported>, StoreError> {
        self.fill().await?;
        Ok(std::mem::take(&mut self.page).into())
    }

    /// The next row, which stays the next.
    pub async fn peek(&mut self) -> Result<Option<&Exported>, StoreError> {
        self.fill().await?;
        Ok(self.page.front())
    }

    /// The next row.
    pub async fn next(&mut self) -> Result<Option<Exported>, StoreError> {
        self.fill().await?;
        Ok(self.page.pop_front())
    }

    /// Takes the row that was looked at.
    pub fn take(&mut self) -> Option<Exported> {
        self.page.pop_front()
    }

    async fn fill(&mut self) -> Result<(), StoreError> {
        while self.page.is_empty()
            && let Some(from) = self.from.take()
        {
            let slice = Slice { from, to: Bound::Unbounded, order: Order::Forward, limit: PAGE_ROWS };
            let export = async || self.store.export(self.table, self.partition, slice.clone()).await;
            let page = patiently(export).await?;
            if let (true, Some(last)) = (page.more, page.rows.last()) {
                self.from = Some(Bound::Excluded(last.row.clustering.clone()));
            }
            self.page = page.rows.into();
        }
        Ok(())
    }
}
