//! The copy of rows that were written one by one: put with their own stamps and what is left of their lives, those of
//! many partitions at once.

use std::{mem, ops::Bound, time::Duration};

use futures_util::{StreamExt as _, stream};

use super::{CopyError, IN_FLIGHT, partition::Ends};
use crate::{
    Backend, Exported, StoreError, Write,
    key::Key,
    offline::{export::Export, patience::patiently},
    table::TableDef,
};

/// A batch is written when it has so many rows.
const BATCH_ROWS: usize = 500;

/// A batch is written when its values have so many bytes.
const BATCH_BYTES: usize = 1 << 20;

/// Copies partitions and says how many rows they have.
pub(super) async fn copy(
    ends: &Ends<'_>,
    table: &'static TableDef,
    partitions: &[Key],
) -> Result<u64, CopyError> {
    let begun = |key| async move { (key, begin(ends.source, table, key).await) };
    let mut exports = stream::iter(partitions).map(begun).buffered(IN_FLIGHT);
    let mut batch = Batch { target: ends.target, puts: Vec::new(), bytes: 0 };
    let mut rows = 0;
    while let Some((key, export)) = exports.next().await {
        let mut export = export.map_err(CopyError::Source)?;
        while let Some(row) = export.next().await.map_err(CopyError::Source)? {
            rows += 1;
            batch.add(table, key, row).await?;
        }
    }
    batch.write().await?;
    Ok(rows)
}

/// A partition whose first page is there.
async fn begin<'a>(
    source: &'a dyn Backend,
    table: &'static TableDef,
    key: &'a Key,
) -> Result<Export<'a>, StoreError> {
    let mut export = Export::from(source, table, key, Bound::Unbounded);
    export.peek().await?;
    Ok(export)
}

/// Rows on their way into the target.
struct Batch<'a> {
    target: &'a dyn Backend,
    puts: Vec<Write>,
    bytes: usize,
}

impl Batch<'_> {
    async fn add(
        &mut self,
        table: &'static TableDef,
        partition: &Key,
        exported: Exported,
    ) -> Result<(), CopyError> {
        self.bytes += exported.row.value.len();
        self.puts.push(Write::Put {
            table,
            partition: partition.clone(),
            clustering: exported.row.clustering,
            value: exported.row.value,
            stamp: exported.stamp,
            // No store takes a life of nothing.
            ttl: exported.life.map(|life| life.max(Duration::from_secs(1))),
        });
        if self.puts.len() < BATCH_ROWS && self.bytes < BATCH_BYTES { Ok(()) } else { self.write().await }
    }

    async fn write(&mut self) -> Result<(), CopyError> {
        let puts = mem::take(&mut self.puts);
        self.bytes = 0;
        if puts.is_empty() {
            return Ok(());
        }
        patiently(async || self.target.write(puts.clone()).await).await.map_err(CopyError::Target)
    }
}
