//! The comparison of two stores, row by row: what a copy is held to.

use std::{cmp::Ordering, ops::Bound, time::Duration};

use futures_util::{StreamExt as _, stream};

use super::{
    check::{Finding, Progress, Watch},
    copy::MARK,
    export::Export,
    named, named_row,
};
use crate::{
    Backend, Exported, IntoKey as _, Order, Slice, Store, StoreError,
    key::Key,
    table::{Table as _, TableDef, WrittenBy},
    tables::{self, Server},
};

/// Partitions that are compared at once.
const IN_FLIGHT: usize = 32;

/// Partitions that one call asks for.
const PAGE_PARTITIONS: usize = 500;

/// By how much the end of a row's life may differ: what a row is on its way, and the steps in which stores count. A row
/// with no more life than this may be gone at one end.
const LIFE_SLACK: Duration = Duration::from_mins(1);

/// What was compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compared {
    /// Rows of the source.
    pub rows: u64,
    /// Differences.
    pub findings: u64,
}

/// Compares everything in the two stores, both of which nobody may write to, and tells `watch` each difference.
///
/// Fences are not compared, nor the stamps and lives of rows that are appended or claimed; see [`copy`](super::copy).
///
/// # Errors
/// Where one of them cannot be read.
pub async fn compare(source: &Store, target: &Store, watch: &mut dyn Watch) -> Result<Compared, StoreError> {
    let ends = Ends { source: source.backend(), target: target.backend() };
    let mut compared = Compared::default();
    for (index, table) in tables::ALL.iter().enumerate() {
        let mut rows = 0;
        for pass in [Pass::EachOfTheSource, Pass::OnlyInTheTarget] {
            let mut after = None;
            loop {
                let page = ends.walked(pass).partitions(table, after.as_ref(), PAGE_PARTITIONS).await?;
                let Some(last) = page.last().cloned() else { break };
                let mut pairs =
                    stream::iter(&page).map(|key| ends.partition(table, key, pass)).buffered(IN_FLIGHT);
                while let Some(seen) = pairs.next().await {
                    let seen = seen?;
                    rows += seen.rows;
                    compared.findings += seen.findings.len() as u64;
                    seen.findings.into_iter().for_each(|finding| watch.found(finding));
                }
                after = Some(last);
                watch.went_on(Progress::Rows { table: table.name, index, of: tables::ALL.len(), rows });
            }
        }
        compared.rows += rows;
    }
    Ok(compared)
}

/// Stores walk in orders of their own, so what only the target has is looked for in a pass of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    EachOfTheSource,
    OnlyInTheTarget,
}

struct Ends<'a> {
    source: &'a dyn Backend,
    target: &'a dyn Backend,
}

/// What was seen of a partition.
#[derive(Default)]
struct Seen {
    rows: u64,
    findings: Vec<Finding>,
}

impl Ends<'_> {
    fn walked(&self, pass: Pass) -> &dyn Backend {
        match pass {
            Pass::EachOfTheSource => self.source,
            Pass::OnlyInTheTarget => self.target,
        }
    }

    async fn partition(
        &self,
        table: &'static TableDef,
        partition: &Key,
        pass: Pass,
    ) -> Result<Seen, StoreError> {
        // The mark of a copy is no row of a server's.
        if table.id == Server::DEF.id && *partition == (MARK,).to_key() {
            return Ok(Seen::default());
        }
        if pass == Pass::OnlyInTheTarget && self.source_has(table, partition).await? {
            return Ok(Seen::default());
        }
        let mut pair = Pair { table, partition, seen: Seen::default() };
        if table.is_guarded() {
            pair.guards(self).await?;
        }
        pair.rows(self).await?;
        Ok(pair.seen)
    }

    async fn source_has(&self, table: &'static TableDef, partition: &Key) -> Result<bool, StoreError> {
        let one = Slice { from: Bound::Unbounded, to: Bound::Unbounded, order: Order::Forward, limit: 1 };
        Ok(!self.source.slice(table, partition, one).await?.rows.is_empty()
            || table.is_guarded() && self.source.guard(table, partition).await?.is_some())
    }
}

/// A partition at both ends.
struct Pair<'a> {
    table: &'static TableDef,
    partition: &'a Key,
    seen: Seen,
}

impl Pair<'_> {
    async fn guards(&mut self, ends: &Ends<'_>) -> Result<(), StoreError> {
        let source = ends.source.guard(self.table, self.partition).await?;
        let target = ends.target.guard(self.table, self.partition).await?;
        let what = match (source, target) {
            (Some(source), Some(target)) if source.head_seq != target.head_seq => {
                format!(
                    "the guard's head is {:?} at the source, {:?} at the target",
                    source.head_seq, target.head_seq
                )
            }
            (Some(source), Some(target)) if source.head != target.head => {
                "the heads of the guard differ".to_owned()
            }
            (Some(_), None) => "has no guard at the target".to_owned(),
            (None, Some(_)) => "has no guard at the source".to_owned(),
            _ => return Ok(()),
        };
        let key = named(self.table.partition, self.partition);
        self.seen.findings.push(Finding { table: self.table.name, key, what });
        Ok(())
    }

    async fn rows(&mut self, ends: &Ends<'_>) -> Result<(), StoreError> {
        let mut source = Export::from(ends.source, self.table, self.partition, Bound::Unbounded);
        let mut target = Export::from(ends.target, self.table, self.partition, Bound::Unbounded);
        loop {
            let order = match (source.peek().await?, target.peek().await?) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(source), Some(target)) => source.row.clustering.cmp(&target.row.clustering),
            };
            let at_source = order.is_le().then(|| source.take()).flatten();
            let at_target = order.is_ge().then(|| target.take()).flatten();
            self.seen.rows += u64::from(at_source.is_some());
            self.row(at_source, at_target);
        }
    }

    fn row(&mut self, source: Option<Exported>, target: Option<Exported>) {
        let is_ending = |row: &Exported| row.life.is_some_and(|life| life <= LIFE_SLACK);
        let (clustering, what) = match (source, target) {
            (Some(row), None) if !is_ending(&row) => (row.row.clustering, "is not in the target".to_owned()),
            (None, Some(row)) if !is_ending(&row) => (row.row.clustering, "is not in the source".to_owned()),
            (Some(source), Some(target)) => match self.difference(&source, &target) {
                Some(what) => (source.row.clustering, what),
                None => return,
            },
            _ => return,
        };
        let key = named_row(self.table, self.partition, &clustering);
        self.seen.findings.push(Finding { table: self.table.name, key, what });
    }

    fn difference(&self, source: &Exported, target: &Exported) -> Option<String> {
        if source.row.value != target.row.value {
            let (here, there) = (source.row.value.len(), target.row.value.len());
            return Some(format!("the values differ: {here} bytes at the source, {there} at the target"));
        }
        if self.table.written_by != WrittenBy::Write {
            return None;
        }
        if source.stamp != target.stamp {
            return Some(format!("has stamp {} at the source, {} at the target", source.stamp, target.stamp));
        }
        let same = match (source.life, target.life) {
            (Some(here), Some(there)) => here.abs_diff(there) <= LIFE_SLACK,
            (here, there) => here.is_none() && there.is_none(),
        };
        (!same).then(|| format!("lives {:?} at the source, {:?} at the target", source.life, target.life))
    }
}
