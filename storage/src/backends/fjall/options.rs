//! How the embedded store is opened, and what tests may do to it.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use crate::clock::Clock;

const MIB: u64 = 1024 * 1024;

/// The smallest journal bound that fjall takes: one preallocated file.
pub(super) const MIN_JOURNAL_BYTES: u64 = 64 * MIB;

/// The settings of the embedded store.
#[derive(Debug, Clone)]
pub struct FjallOptions {
    /// Memory for blocks of tables and event bodies.
    pub cache_bytes: u64,
    /// The size at which the rows in memory of one family are written out as a table. Each family holds up to four
    /// such pieces while the disk lags, so memory is bounded by 20 of them.
    pub memtable_bytes: u64,
    /// The size of full journal files at which the families that hold them back are written out; at least 64 MiB.
    ///
    /// It bounds what an open after a kill replays. Measured on two busy cores, killed after 300,000 messages: 1.4 s
    /// with these 64 MiB and memtables of 16 MiB, 10.4 s with fjall's own 512 and 64 MiB.
    pub journal_bytes: u64,
    /// How long a write waits for room in the queue before it is refused as unavailable.
    pub queue_timeout: Duration,
    /// How often expired rows are looked for.
    pub sweep_every: Duration,
    /// How long a deletion keeps out late writes with a lower stamp. As `gc_grace_seconds` in CQL.
    pub tombstone_grace: Duration,
    /// The clock that rows expire by.
    pub clock: Clock,
    /// For tests: called by the committer around each commit.
    pub hook: Option<CommitHook>,
}

impl Default for FjallOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 64 * MIB,
            memtable_bytes: 16 * MIB,
            journal_bytes: MIN_JOURNAL_BYTES,
            queue_timeout: Duration::from_secs(5),
            sweep_every: Duration::from_secs(5),
            tombstone_grace: Duration::from_hours(10 * 24),
            clock: Clock::system(),
            hook: None,
        }
    }
}

/// Why the store was not opened. Nothing was changed on disk.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the folder open.
    #[error("{} is in use by another process{}; stop it, or point this one elsewhere", path.display(), holder(pid.as_deref()))]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The id that the other process wrote down, if it can be read.
        pid: Option<String>,
    },
    /// The folder or its files cannot be used.
    #[error("cannot use {}: {error}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The store was written by a version of Playhouse that this one does not know.
    #[error("{} has format {found}, this version reads format {known}", path.display())]
    Format {
        /// The folder.
        path: PathBuf,
        /// The format on disk.
        found: String,
        /// The format that this version reads.
        known: u32,
    },
    /// The files are damaged beyond what a power cut explains: restore a backup.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What fjall said.
        reason: String,
    },
}

fn holder(pid: Option<&str>) -> String {
    pid.map(|pid| format!(" (id {pid})")).unwrap_or_default()
}

/// Where the committer stands when it calls a [`CommitHook`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitStage {
    /// A group is checked and about to be written; nothing of it is in the journal.
    Before,
    /// The group is synced; nobody has been answered.
    Synced,
}

/// What a [`CommitHook`] makes of the commit that is about to happen; ignored after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Goes well.
    None,
    /// The bytes are written, the sync fails: they may or may not be there after a restart.
    SyncFails,
    /// Nothing is written.
    DiskFull,
}

/// Called on the committer's thread, which waits for it: a test may look, copy files, or make the commit fail.
#[derive(Clone)]
pub struct CommitHook(Arc<dyn Fn(CommitStage) -> Fault + Send + Sync>);

impl CommitHook {
    /// A hook that calls `hook`.
    pub fn new(hook: impl Fn(CommitStage) -> Fault + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }

    pub(super) fn call(&self, stage: CommitStage) -> Fault {
        (self.0)(stage)
    }
}

impl fmt::Debug for CommitHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CommitHook")
    }
}
