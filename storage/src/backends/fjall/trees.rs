//! The database: one LSM tree a family of tables.

use std::time::{Duration, Instant};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode, Slice};

use super::{
    codec::{KeyRange, Own},
    folder::Folder,
    options::{FjallOptions, MIN_JOURNAL_BYTES},
};
use crate::{StoreError, table::Family};

/// The format that this code reads and writes.
pub(super) const FORMAT: u32 = 2;

/// The database and its trees. It is closed, and its folder free, when nobody holds it any more.
pub(super) struct Trees {
    families: [Keyspace; Family::ALL.len()],
    db: Database,
    _folder: Folder,
}

impl Trees {
    pub fn open(folder: Folder, options: &FjallOptions) -> fjall::Result<Self> {
        let db = Database::builder(folder.db())
            .cache_size(options.cache_bytes)
            .max_journaling_size(options.journal_bytes.max(MIN_JOURNAL_BYTES))
            .worker_threads(2)
            .open()?;
        let tree = |family: Family| {
            db.keyspace(family.name(), || {
                let values = (family == Family::Log).then(KvSeparationOptions::default);
                KeyspaceCreateOptions::default()
                    .max_memtable_size(options.memtable_bytes)
                    .with_kv_separation(values)
            })
        };
        let [log, state, user, encryption, meta] = Family::ALL;
        let families = [tree(log)?, tree(state)?, tree(user)?, tree(encryption)?, tree(meta)?];
        Ok(Self { families, db, _folder: folder })
    }

    pub fn db(&self) -> &Database {
        &self.db
    }

    pub fn of(&self, family: Family) -> &Keyspace {
        &self.families[family as usize]
    }

    /// The newest value of a key. Sees only what is synced: a commit enters the trees after its sync.
    pub fn get(&self, family: Family, key: &[u8]) -> fjall::Result<Option<Slice>> {
        self.of(family).get(key)
    }

    /// A range as it is at this moment: a commit is in it whole or not at all.
    pub fn range(
        &self,
        family: Family,
        range: KeyRange,
    ) -> impl DoubleEndedIterator<Item = fjall::Guard> + use<> {
        let snapshot = self.db.snapshot();
        fjall::Readable::range(&snapshot, self.of(family), range.start..range.end)
    }

    /// The format on disk, written if the store is new.
    pub fn format(&self) -> fjall::Result<String> {
        let key = Own::Format.key(&[]);
        if let Some(found) = self.get(Family::Meta, &key)? {
            return Ok(String::from_utf8_lossy(&found).into_owned());
        }
        let mut batch = self.db.batch().durability(Some(PersistMode::SyncAll));
        batch.insert(self.of(Family::Meta), key, FORMAT.to_string());
        batch.commit()?;
        Ok(FORMAT.to_string())
    }

    /// Writes every tree's rows in memory out as tables, so that the next start has nothing to replay. Gives up after
    /// `patience`: what is synced is safe in the journal.
    pub fn flush(&self, patience: Duration) -> fjall::Result<()> {
        const POLL: Duration = Duration::from_millis(2);
        self.families.iter().try_for_each(|tree| tree.rotate_memtable().map(drop))?;
        let deadline = Instant::now() + patience;
        while self.families.iter().any(|tree| tree.sealed_memtable_count() > 0) && Instant::now() < deadline {
            // A background thread that failed poisons the database, and would be waited for in vain.
            self.db.persist(PersistMode::Buffer)?;
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}

/// A failed read of `table`, by what the caller must do: damage stays with the partition, the rest may pass.
pub(super) fn read_error(table: &'static str, error: &fjall::Error) -> StoreError {
    match error {
        fjall::Error::Io(error) => StoreError::Unavailable {
            reason: format!("cannot read {table}: {error}"),
            retry_after: Duration::from_secs(1),
        },
        error => StoreError::corrupt(table, error),
    }
}
