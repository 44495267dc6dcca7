//! Reads: single rows, ranges, exports.

use std::{collections::HashMap, ops::ControlFlow, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use scylla::{
    response::PagingState,
    value::{CqlValue, Row as CqlRow},
};

use super::{
    bind::{self, Value},
    cluster::{Cluster, rows_of},
    range::{self, RangeShape},
    statement::{Direction, Shape},
};
use crate::{
    ExportPage, Exported, Order, Page, Row, Slice, StoreError,
    backends::shape::is_blank,
    key::{Key, KeyValue},
    table::TableDef,
};

/// The most keys that one statement asks for.
const KEYS_AT_ONCE: usize = 100;
/// The most statements of one call that are under way at once.
const FAN_OUT: usize = 32;

impl Cluster {
    pub async fn get(
        &self,
        table: &'static TableDef,
        partition: &Key,
        clustering: &Key,
    ) -> Result<Option<Row>, StoreError> {
        if is_blank(partition) {
            return Ok(None);
        }
        let values = bind::keys([partition, clustering]);
        let result = self.run(table, Shape::Get, &values, &self.metrics.read_requests).await?;
        let value =
            rows_of(result)?.into_iter().find_map(|row| value(row.columns.into_iter().next().flatten()));
        Ok(value.map(|value| Row { clustering: clustering.clone(), value }))
    }

    pub async fn multi_get(
        &self,
        table: &'static TableDef,
        keys: &[(Key, Key)],
    ) -> Result<Vec<Option<Row>>, StoreError> {
        let mut partitions: HashMap<&Key, Vec<&Key>> = HashMap::new();
        for (partition, clustering) in keys {
            partitions.entry(partition).or_default().push(clustering);
        }
        let requests = partitions
            .iter()
            .flat_map(|(partition, rows)| rows.chunks(KEYS_AT_ONCE).map(|rows| (*partition, rows)))
            .map(|(partition, rows)| async move { self.among(table, partition, rows).await });
        let found: HashMap<(&Key, Key), Bytes> = stream::iter(requests.collect::<Vec<_>>())
            .buffer_unordered(FAN_OUT)
            .try_fold(HashMap::new(), |mut found, (partition, rows)| async move {
                found.extend(rows.into_iter().map(|row| ((partition, row.clustering), row.value)));
                Ok(found)
            })
            .await?;
        let answer = keys.iter().map(|(partition, clustering)| {
            let value = found.get(&(partition, clustering.clone()))?.clone();
            Some(Row { clustering: clustering.clone(), value })
        });
        Ok(answer.collect())
    }

    /// The rows of some clustering keys of a partition.
    async fn among<'a>(
        &self,
        table: &'static TableDef,
        partition: &'a Key,
        rows: &[&'a Key],
    ) -> Result<(&'a Key, Vec<Row>), StoreError> {
        if let [one] = rows {
            return Ok((partition, self.get(table, partition, one).await?.into_iter().collect()));
        }
        if table.clustering.is_empty() {
            return Ok((partition, self.get(table, partition, &Key::new()).await?.into_iter().collect()));
        }
        if is_blank(partition) {
            return Ok((partition, Vec::new()));
        }
        let mut values = bind::keys([partition]);
        values.push(bind::list(rows.iter().copied()));
        let rows = self.rows(table, Shape::Among, &values, rows.len()).await?;
        let rows = rows.into_iter().filter_map(|row| read(table, row).map(|(row, _)| row)).collect();
        Ok((partition, rows))
    }

    pub async fn slice(
        &self,
        table: &'static TableDef,
        partition: &Key,
        slice: Slice,
    ) -> Result<Page, StoreError> {
        let shape = RangeShape::of(&slice.from, &slice.to);
        let rows = self.range(table, Shape::Slice(shape, direction(slice.order)), partition, &slice).await?;
        let mut rows: Vec<Row> = rows.into_iter().map(|(row, _)| row).collect();
        let more = rows.len() > slice.limit;
        rows.truncate(slice.limit);
        Ok(Page { rows, more })
    }

    pub async fn export(
        &self,
        table: &'static TableDef,
        partition: &Key,
        slice: Slice,
    ) -> Result<ExportPage, StoreError> {
        let shape = RangeShape::of(&slice.from, &slice.to);
        let rows = self.range(table, Shape::Export(shape, direction(slice.order)), partition, &slice).await?;
        let mut rows: Vec<Exported> = rows.into_iter().map(|(row, more)| exported(row, &more)).collect();
        let more = rows.len() > slice.limit;
        rows.truncate(slice.limit);
        Ok(ExportPage { rows, more })
    }

    /// The rows of a range, one more than the limit if there are, with what else was selected.
    async fn range(
        &self,
        table: &'static TableDef,
        shape: Shape,
        partition: &Key,
        slice: &Slice,
    ) -> Result<Vec<(Row, Vec<Option<CqlValue>>)>, StoreError> {
        if is_blank(partition) || range::is_empty(&slice.from, &slice.to) {
            return Ok(Vec::new());
        }
        let wanted = slice.limit.saturating_add(1);
        let mut values = bind::keys([partition]);
        values.extend(range::values(&slice.from, &slice.to));
        values.push(bind::small(wanted as u64));
        let rows = self.rows(table, shape, &values, wanted).await?;
        Ok(rows.into_iter().filter_map(|row| read(table, row)).collect())
    }

    /// The rows of a statement, page by page, until there are no more or as many as wanted.
    pub(super) async fn rows(
        &self,
        table: &'static TableDef,
        shape: Shape,
        values: &[Value<'_>],
        wanted: usize,
    ) -> Result<Vec<CqlRow>, StoreError> {
        let statement = self.prepared(table, shape).await?;
        let mut state = PagingState::start();
        let mut rows = Vec::new();
        loop {
            let (page, next) = self.page(&statement, values, state).await?;
            rows.extend(rows_of(page)?);
            match next.into_paging_control_flow() {
                ControlFlow::Continue(next) if rows.len() < wanted => state = next,
                _ => return Ok(rows),
            }
        }
    }
}

const fn direction(order: Order) -> Direction {
    match order {
        Order::Forward => Direction::Forward,
        Order::Backward => Direction::Backward,
    }
}

/// A row that was selected by its clustering key, its value, and more. None for what is no row: a partition that has
/// static columns alone.
fn read(table: &TableDef, row: CqlRow) -> Option<(Row, Vec<Option<CqlValue>>)> {
    let mut columns = row.columns.into_iter();
    let clustering = key(columns.by_ref().take(table.clustering.len()))?;
    let value = value(columns.next().flatten())?;
    Some((Row { clustering, value }, columns.collect()))
}

/// A key; `None` where a column has no value.
pub(super) fn key(columns: impl Iterator<Item = Option<CqlValue>>) -> Option<Key> {
    columns
        .map(|column| match column? {
            CqlValue::Text(text) => Some(KeyValue::Text(text)),
            CqlValue::BigInt(n) => Some(KeyValue::Int(n)),
            _ => None,
        })
        .collect()
}

/// A row's value, if the column has one.
pub(super) fn value(column: Option<CqlValue>) -> Option<Bytes> {
    match column? {
        CqlValue::Text(text) => Some(Bytes::from(text)),
        _ => None,
    }
}

fn exported(row: Row, more: &[Option<CqlValue>]) -> Exported {
    let stamp = match more.first() {
        Some(Some(CqlValue::BigInt(stamp))) => *stamp,
        _ => 0,
    };
    let life = match more.get(1) {
        Some(Some(CqlValue::Int(seconds))) => Some(Duration::from_secs(u64::from(seconds.unsigned_abs()))),
        _ => None,
    };
    Exported { row, stamp, life }
}
