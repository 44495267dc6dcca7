//! Unconditional, stamped writes: the rows of one partition in one batch, partitions beside each other.

use std::{collections::HashMap, time::Duration};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    bind::{self, Value},
    cluster::{Cluster, Part},
    patience::Patience,
    range::{self, RangeShape},
    statement::Shape,
};
use crate::{StoreError, Write, key::Key, table::TableDef};

/// The most statements of one batch, and the most bytes of its values, unless one value alone is longer. Servers bear
/// more; but a batch is held in memory whole by all who handle it.
const BATCH_STATEMENTS: usize = 200;
const BATCH_BYTES: usize = 512 * 1024;
/// The most batches of one call that are under way at once.
const FAN_OUT: usize = 32;

/// Writes of one partition that go together.
struct Group<'a> {
    table: &'static TableDef,
    writes: Vec<&'a Write>,
    bytes: usize,
}

impl Cluster {
    pub async fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        let groups = grouped(writes).into_iter().map(|group| async move { self.write_group(&group).await });
        stream::iter(groups.collect::<Vec<_>>()).buffer_unordered(FAN_OUT).try_collect().await
    }

    /// Writes a group until it is written: to do it twice is to do it once.
    async fn write_group(&self, group: &Group<'_>) -> Result<(), StoreError> {
        let mut patience = Patience::new(self);
        loop {
            match self.try_group(group).await {
                Ok(()) => return Ok(()),
                Err(error) => patience.retry(error).await?,
            }
        }
    }

    async fn try_group(&self, group: &Group<'_>) -> Result<(), StoreError> {
        let (table, requests) = (group.table, &self.metrics.write_requests);
        let mut parts = group.writes.iter().map(|write| part(write)).collect::<Result<Vec<_>, _>>()?;
        if let [_] = parts[..]
            && let Some((shape, values)) = parts.pop()
        {
            self.run(table, shape, &values, requests).await?;
        } else {
            self.batch(table, parts, requests).await?;
        }
        Ok(())
    }
}

/// Writes by partition, in order.
fn grouped(writes: &[Write]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut open: HashMap<(u8, &Key), usize> = HashMap::new();
    for write in writes {
        let (table, partition) = write.place();
        let bytes = match write {
            Write::Put { value, .. } => value.len(),
            Write::Delete { .. } => 0,
            Write::DeleteRange { from, to, .. } if range::is_empty(from, to) => continue,
            Write::DeleteRange { .. } => 0,
        };
        let place = (table.id, partition);
        let room = open.get(&place).copied().filter(|group| {
            let group = &groups[*group];
            group.writes.len() < BATCH_STATEMENTS && group.bytes + bytes <= BATCH_BYTES
        });
        let group = room.unwrap_or_else(|| {
            groups.push(Group { table, writes: Vec::new(), bytes: 0 });
            groups.len() - 1
        });
        open.insert(place, group);
        groups[group].writes.push(write);
        groups[group].bytes += bytes;
    }
    groups
}

fn part(write: &Write) -> Result<Part<'_>, StoreError> {
    Ok(match write {
        Write::Put { table, partition, clustering, value, stamp, ttl } => {
            let mut values = bind::keys([partition, clustering]);
            values.extend([bind::text(table, value)?, Value::Int(*stamp), life(table, *ttl)]);
            (Shape::Put, values)
        }
        Write::Delete { partition, clustering, stamp, .. } => {
            let mut values = vec![Value::Int(*stamp)];
            values.extend(bind::keys([partition, clustering]));
            (Shape::Delete, values)
        }
        Write::DeleteRange { partition, from, to, stamp, .. } => {
            let mut values = vec![Value::Int(*stamp)];
            values.extend(bind::keys([partition]));
            values.extend(range::values(from, to));
            (Shape::DeleteRange(RangeShape::of(from, to)), values)
        }
    })
}

/// A row's life in whole seconds: its own or the table's, whichever is shorter; 0 for ever.
pub(super) fn life(table: &TableDef, ttl: Option<Duration>) -> Value<'static> {
    /// The longest that servers take: 20 years.
    const LONGEST: u64 = 20 * 365 * 24 * 3_600;
    let life = ttl.into_iter().chain(table.ttl).min();
    bind::small(
        life.map_or(0, |life| life.as_millis().div_ceil(1_000).min(LONGEST.into()) as u64)
            .max(u64::from(life.is_some())),
    )
}
