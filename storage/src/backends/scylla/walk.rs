//! Walks over the partitions of a table, in the order of their tokens.

use super::{
    bind,
    cluster::Cluster,
    read::key,
    statement::{Shape, Start},
};
use crate::{StoreError, key::Key, table::TableDef};

impl Cluster {
    /// Partition keys after `after`. Of two partitions with one token, which takes billions to come by, the second is
    /// missed where a page ends between them.
    pub async fn partitions(
        &self,
        table: &'static TableDef,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Key>, StoreError> {
        let start = if after.is_some() { Start::Past } else { Start::First };
        let mut values = bind::keys(after);
        values.push(bind::small(limit as u64));
        let rows = self.rows(table, Shape::Partitions(start), &values, limit).await?;
        let keys = rows.into_iter().map(|row| key(row.columns.into_iter()));
        keys.map(|key| key.ok_or_else(|| StoreError::corrupt(table.name, "a partition key"))).collect()
    }
}
