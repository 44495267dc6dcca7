//! One partition: rows by clustering key, the marks of deletions, the guard.

use std::{collections::BTreeMap, ops::Bound, time::Duration};

use bytes::Bytes;

use crate::{
    Append, Claim, Expect, ExportPage, Exported, Guard, Order, Outcome, Page, Row, Slice, Stamp, Write,
    key::{Key, KeyValue},
    table::TableDef,
};

/// A partition of any table.
#[derive(Debug, Default)]
pub(super) struct Partition {
    guard: Option<Guard>,
    rows: BTreeMap<Key, Cell>,
    deleted: Vec<(Edges, Stamp)>,
}

/// A row or, without a value, the mark of a deleted one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cell {
    stamp: Stamp,
    value: Option<Bytes>,
    expires_ms: Option<u64>,
}

/// Bounds as the contract means them: an included prefix takes in all that starts with it.
#[derive(Debug, Clone)]
struct Edges {
    from: Bound<Key>,
    to: Bound<Key>,
}

impl Edges {
    fn contain(&self, key: &Key) -> bool {
        let head = |edge: &Key| -> Vec<KeyValue> { key.iter().take(edge.len()).cloned().collect() };
        let above = match &self.from {
            Bound::Unbounded => true,
            Bound::Included(edge) => head(edge) >= *edge,
            Bound::Excluded(edge) => head(edge) > *edge,
        };
        above
            && match &self.to {
                Bound::Unbounded => true,
                Bound::Included(edge) => head(edge) <= *edge,
                Bound::Excluded(edge) => head(edge) < *edge,
            }
    }
}

impl Cell {
    fn visible(&self, now_ms: u64) -> Option<&Bytes> {
        self.value.as_ref().filter(|_| self.expires_ms.is_none_or(|expires| expires > now_ms))
    }

    /// Whether this write wins over `other`, whichever came first.
    fn wins(&self, other: &Self) -> bool {
        let rank = |cell: &Self| (cell.stamp, cell.value.is_none());
        (rank(self), &self.value) >= (rank(other), &other.value)
    }
}

impl Partition {
    pub fn get(&self, clustering: &Key, now_ms: u64) -> Option<Row> {
        let value = self.rows.get(clustering)?.visible(now_ms)?;
        Some(Row { clustering: clustering.clone(), value: value.clone() })
    }

    pub fn slice(&self, slice: Slice, now_ms: u64) -> Page {
        let page = self.export(slice, now_ms);
        Page { rows: page.rows.into_iter().map(|exported| exported.row).collect(), more: page.more }
    }

    pub fn export(&self, slice: Slice, now_ms: u64) -> ExportPage {
        let edges = Edges { from: slice.from, to: slice.to };
        let seen = self.rows.iter().filter(|(key, _)| edges.contain(key));
        let seen = seen.filter_map(|(key, cell)| {
            let row = Row { clustering: key.clone(), value: cell.visible(now_ms)?.clone() };
            let life = cell.expires_ms.map(|expires| Duration::from_millis(expires.saturating_sub(now_ms)));
            Some(Exported { row, stamp: cell.stamp, life })
        });
        let mut rows: Vec<Exported> = match slice.order {
            Order::Forward => seen.take(slice.limit + 1).collect(),
            Order::Backward => seen.rev().take(slice.limit + 1).collect(),
        };
        let more = rows.len() > slice.limit;
        rows.truncate(slice.limit);
        ExportPage { rows, more }
    }

    pub fn guard(&self) -> Option<&Guard> {
        self.guard.as_ref()
    }

    pub fn is_visible(&self, now_ms: u64) -> bool {
        self.guard.is_some() || self.rows.values().any(|cell| cell.visible(now_ms).is_some())
    }

    pub fn fence(&mut self) -> Guard {
        let guard = self.guard.get_or_insert(Guard { fence: 0, head_seq: None, head: Bytes::new() });
        guard.fence += 1;
        guard.clone()
    }

    pub fn append(&mut self, append: &Append, now_ms: u64) -> Outcome {
        match &mut self.guard {
            Some(guard) if guard.fence == append.fence && guard.head_seq == append.expected_head_seq => {
                guard.head_seq = Some(append.new_head_seq);
                guard.head = append.head.clone();
            }
            _ => return Outcome::Refused,
        }
        for (clustering, value) in &append.rows {
            let expires_ms = expiry(append.table, None, now_ms);
            let cell = Cell { stamp: 0, value: Some(value.clone()), expires_ms };
            self.rows.insert(clustering.clone(), cell);
        }
        Outcome::Applied
    }

    pub fn claim(&mut self, claim: &Claim, now_ms: u64) -> Outcome {
        let holds = |(clustering, expected): &(Key, Expect)| {
            let row = self.get(clustering, now_ms);
            match expected {
                Expect::Absent => row.is_none(),
                Expect::Present => row.is_some(),
                Expect::Value(value) => row.is_some_and(|row| row.value == *value),
            }
        };
        if !claim.conditions.iter().all(holds) {
            return Outcome::Refused;
        }
        for (clustering, value) in &claim.writes {
            let Some(value) = value else {
                self.rows.remove(clustering);
                continue;
            };
            let expires_ms = expiry(claim.table, None, now_ms);
            self.rows.insert(clustering.clone(), Cell { stamp: 0, value: Some(value.clone()), expires_ms });
        }
        Outcome::Applied
    }

    pub fn write(&mut self, write: &Write, now_ms: u64) {
        match write {
            Write::Put { table, clustering, value, stamp, ttl, .. } => {
                let expires_ms = expiry(table, *ttl, now_ms);
                self.set(clustering, Cell { stamp: *stamp, value: Some(value.clone()), expires_ms });
            }
            Write::Delete { clustering, stamp, .. } => {
                self.set(clustering, Cell { stamp: *stamp, value: None, expires_ms: None });
            }
            Write::DeleteRange { from, to, stamp, .. } => {
                let edges = Edges { from: from.clone(), to: to.clone() };
                self.rows.retain(|key, cell| cell.stamp > *stamp || !edges.contain(key));
                self.deleted.push((edges, *stamp));
            }
        }
    }

    fn set(&mut self, clustering: &Key, cell: Cell) {
        let late = self.rows.get(clustering).is_some_and(|stored| !cell.wins(stored))
            || self.deleted_at(clustering).is_some_and(|deleted| cell.stamp <= deleted);
        if !late {
            self.rows.insert(clustering.clone(), cell);
        }
    }

    fn deleted_at(&self, clustering: &Key) -> Option<Stamp> {
        self.deleted.iter().filter(|(edges, _)| edges.contain(clustering)).map(|(_, stamp)| *stamp).max()
    }
}

fn expiry(table: &TableDef, ttl: Option<Duration>, now_ms: u64) -> Option<u64> {
    let life = ttl.into_iter().chain(table.ttl).min()?;
    Some(now_ms.saturating_add(u64::try_from(life.as_millis()).unwrap_or(u64::MAX)))
}
