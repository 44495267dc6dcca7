//! The copy of a whole server from one store to another, of whatever kind.
//!
//! Tables are copied one after the other, partitions in the source's own order, a bounded number at once
//! ([`rows`], [`partition`]). A mark in the target says how far the copy is ([`mark`]): the same call goes on from there after it
//! was cut off, and a server refuses to start on what is there so far. Everything but the mark is idempotent.
//!
//! What is not the same afterwards: the fences of guarded partitions, which order the holders of one store and begin
//! anew in another; the stamps and lives of claimed rows, which the target gives; the memory of deleted rows, which
//! keeps out late writes and which nobody has to send: nothing of the source's processes writes to the target.

mod log;
mod mark;
mod partition;
mod rows;

use futures_util::{StreamExt as _, stream};

pub(super) use self::mark::NAME as MARK;
pub use self::mark::is_half_copied;
use self::{
    mark::{Mark, Seal},
    partition::Ends,
};
use super::check::{Progress, Watch};
use crate::{
    Store, StoreError,
    key::Key,
    table::{Table as _, TableDef, WrittenBy},
    tables::{self, ActiveRoom, Server},
};

/// Partitions that are on their way at once. With pages of [`PAGE_ROWS`](super::export::PAGE_ROWS) rows of 64 KiB at
/// the most it bounds the memory of a copy.
const IN_FLIGHT: usize = 32;

/// Partitions after which the mark moves on: as many are copied again after a cut.
const PARTITIONS_A_MARK: usize = 500;

/// Why a copy did not come to its end. What was copied stays, and the same call goes on with it.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The source cannot be read.
    #[error("the source: {0}")]
    Source(StoreError),
    /// The target cannot be written.
    #[error("the target: {0}")]
    Target(StoreError),
    /// There is nothing to copy.
    #[error("there is no server in the source: it has no server name")]
    NoServer,
    /// The source is not whole.
    #[error("the source is itself a copy that was not finished: finish that one first")]
    SourceIsHalfCopied,
    /// A crash of the server left undone what a server on the target would not make up for.
    #[error(
        "the server on the source was not ended in order, so what follows from its rooms' logs may not all be there: \
         start it once more and end it with SIGTERM"
    )]
    NotSettled,
    /// The target holds something else.
    #[error("the target is not empty: its table {table} has rows; name an empty store, or empty this one")]
    TargetNotEmpty {
        /// The first table that has rows.
        table: &'static str,
    },
    /// The target holds a copy of something else.
    #[error(
        "the target holds a half-done copy of another server, or of this one before it ran again: empty the target \
         and begin anew"
    )]
    OtherCopy,
    /// Not all is copied.
    #[error("the copy is not whole: go on with it first")]
    NotWhole,
    /// Somebody else writes to the target.
    #[error("somebody else writes to the target ({what}): end that first")]
    Contended {
        /// What is not as this copy left it.
        what: String,
    },
    /// A partition of the source is not as it must be.
    #[error("{table} {partition}: {what}; `playhouse store check` says more")]
    Unsound {
        /// The table's name.
        table: &'static str,
        /// The partition, its columns by name.
        partition: String,
        /// What is wrong.
        what: &'static str,
    },
}

impl CopyError {
    /// After what time the same may succeed.
    fn retry_after(&self) -> Option<std::time::Duration> {
        match self {
            Self::Source(StoreError::Unavailable { retry_after, .. })
            | Self::Target(StoreError::Unavailable { retry_after, .. }) => Some(*retry_after),
            _ => None,
        }
    }
}

/// What was copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Rows that this call copied.
    pub rows: u64,
    /// Whether it went on with what an earlier call had begun.
    pub resumed: bool,
}

/// Copies everything in `source` to `target`, which is empty or holds the first part of the same copy. Nobody else may
/// use either meanwhile. No server starts on the target before [`finish`].
///
/// # Errors
/// See [`CopyError`]. Call again to go on.
pub async fn copy(source: &Store, target: &Store, watch: &mut dyn Watch) -> Result<Copied, CopyError> {
    is_settled(source, target).await?;
    let seal = Seal::of(source).await?;
    let (mut mark, resumed) = Mark::take(target, seal).await?;
    let ends = Ends { source: source.backend(), target: target.backend() };
    let mut copied = Copied { rows: 0, resumed };
    for (index, table) in in_order().enumerate().skip(mark.tables_done()) {
        let mut rows = 0;
        loop {
            let after = mark.after();
            let page = ends.source.partitions(table, after, PARTITIONS_A_MARK).await;
            let page = page.map_err(CopyError::Source)?;
            let Some(last) = page.last().cloned() else { break };
            rows += copy_page(&ends, table, &page).await?;
            mark.advance(last).await?;
            watch.went_on(Progress::Rows { table: table.name, index, of: tables::ALL.len(), rows });
        }
        mark.finish_table().await?;
        copied.rows += rows;
    }
    Ok(copied)
}

/// Gives a copy free, so that a server may start on it: once all is copied, and found to be [equal](super::compare).
///
/// # Errors
/// As [`copy`]. [`CopyError::NotWhole`] before all is copied.
pub async fn finish(source: &Store, target: &Store) -> Result<(), CopyError> {
    let (mark, _) = Mark::take(target, Seal::of(source).await?).await?;
    if mark.tables_done() < tables::ALL.len() {
        return Err(CopyError::NotWhole);
    }
    mark.remove().await
}

/// Where projections are atomic with the append, a server replays none: none may be missing.
async fn is_settled(source: &Store, target: &Store) -> Result<(), CopyError> {
    if source.backend().atomic_projections() || !target.backend().atomic_projections() {
        return Ok(());
    }
    let active = source.backend().partitions(ActiveRoom::DEF, None, 1).await.map_err(CopyError::Source)?;
    if active.is_empty() { Ok(()) } else { Err(CopyError::NotSettled) }
}

async fn copy_page(ends: &Ends<'_>, table: &'static TableDef, page: &[Key]) -> Result<u64, CopyError> {
    if table.written_by == WrittenBy::Write {
        return rows::copy(ends, table, page).await;
    }
    let mut copies = stream::iter(page).map(|key| ends.copy(table, key)).buffered(IN_FLIGHT);
    let mut rows = 0;
    while let Some(copied) = copies.next().await {
        rows += copied?;
    }
    Ok(rows)
}

/// All tables, that of the server's own facts last: nothing takes what is there before for a server.
fn in_order() -> impl Iterator<Item = &'static TableDef> {
    let is_last = |table: &&TableDef| table.id == Server::DEF.id;
    tables::ALL.iter().copied().filter(move |table| !is_last(table)).chain([Server::DEF])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_copied_once_and_the_servers_facts_last() {
        let mut ids: Vec<u8> = in_order().map(|table| table.id).collect();
        assert_eq!(ids.last(), Some(&Server::DEF.id));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), tables::ALL.len());
    }
}
