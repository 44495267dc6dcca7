//! The embedded back end, the default: fjall, an LSM store in this process.
//!
//! One thread owns all writes and syncs whole groups ([`committer`]); readers never wait for it. Tables with a common
//! access pattern share a tree ([`trees`]). A row's key is its columns as order-preserving bytes ([`codec`]), its value
//! carries a stamp and an expiry ([`envelope`]). Rows that are over are removed by a second thread ([`sweeper`]).

mod apply;
mod codec;
mod committer;
mod envelope;
mod folder;
mod health;
mod journal;
mod options;
mod overlay;
mod ranges;
mod reader;
mod sweeper;
mod task;
mod trees;
mod writer;

use std::{
    path::Path,
    sync::Arc,
    thread::{Builder, JoinHandle},
};

use async_trait::async_trait;
use parking_lot::{Mutex, RwLock};

pub use self::options::{CommitHook, CommitStage, Fault, FjallOptions, OpenError};
use self::{
    apply::Ranged,
    committer::Committer,
    folder::Folder,
    health::Health,
    reader::Reader,
    sweeper::Sweeper,
    task::{Conditional, Fence, Probe, Writes, bytes_of},
    writer::Writer,
};
use super::shape;
use crate::{
    Append, Backend, Claim, ExportPage, Guard, Outcome, Page, Row, Slice, StoreError, Write, key::Key,
    metrics::StoreMetrics, table::TableDef,
};

/// The embedded store.
pub struct FjallBackend {
    /// Taken when the store is closed, so that its folder is free for the next.
    reader: RwLock<Option<Reader>>,
    writer: Writer,
    health: Arc<Health>,
    metrics: StoreMetrics,
    threads: Mutex<Option<Threads>>,
}

/// What runs beside the callers, until the store is closed.
struct Threads {
    committer: JoinHandle<()>,
    sweeper: JoinHandle<()>,
    stop_sweeper: flume::Sender<()>,
}

impl std::fmt::Debug for FjallBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FjallBackend").field("health", &self.health).finish_non_exhaustive()
    }
}

impl FjallBackend {
    /// Opens the store in the folder `path`, which is made if it is not there. Blocks while the journal of an
    /// unclean end is replayed.
    ///
    /// # Errors
    /// See [`OpenError`]; none can be mended by trying again at once.
    pub fn open(path: impl AsRef<Path>, options: FjallOptions) -> Result<Self, OpenError> {
        let folder = Folder::take(path.as_ref())?;
        let trees = Arc::new(folder.open(&options)?);
        let ranged = Ranged::load(&trees).map_err(|error| folder.damaged(&error))?;
        let metrics = StoreMetrics::register();
        let health = Arc::new(Health::default());
        let (sender, queue) = flume::bounded(writer::QUEUE_REQUESTS);
        let writer = Writer::new(sender, Arc::clone(&health), metrics.clone(), options.queue_timeout);
        let reader = Reader { trees: Arc::clone(&trees), clock: options.clock.clone() };
        let committer = Committer {
            trees,
            queue,
            health: Arc::clone(&health),
            metrics: metrics.clone(),
            clock: options.clock,
            grace: options.tombstone_grace,
            hook: options.hook,
            ranged,
            unfinished: Vec::new(),
            closing: false,
        };
        let (stop_sweeper, stop) = flume::bounded(1);
        let sweeper = Sweeper {
            reader: reader.clone(),
            writer: writer.clone(),
            metrics: metrics.clone(),
            every: options.sweep_every,
            stop,
        };
        let io = |error| folder.io(error);
        let sweeper = Builder::new().name("store-sweeper".into()).spawn(move || sweeper.run()).map_err(io)?;
        let committer =
            Builder::new().name("store-committer".into()).spawn(move || committer.run()).map_err(io)?;
        let threads = Mutex::new(Some(Threads { committer, sweeper, stop_sweeper }));
        Ok(Self { reader: RwLock::new(Some(reader)), writer, health, metrics, threads })
    }

    fn reader(&self) -> Result<Reader, StoreError> {
        self.reader.read().clone().ok_or_else(|| self.health.dropped())
    }

    /// Takes no more writes; what is left to wait for, the first time.
    fn begin_end(&self) -> Option<Threads> {
        let threads = self.threads.lock().take()?;
        self.health.close();
        self.writer.close();
        *self.reader.write() = None;
        Some(threads)
    }
}

impl Threads {
    /// Waits until what is queued is done and both threads ended.
    fn join(self) {
        drop(self.stop_sweeper);
        for thread in [self.sweeper, self.committer] {
            if thread.join().is_err() {
                tracing::error!("a thread of the store panicked");
            }
        }
    }
}

impl Drop for FjallBackend {
    fn drop(&mut self) {
        if let Some(threads) = self.begin_end() {
            threads.join();
        }
    }
}

#[async_trait]
impl Backend for FjallBackend {
    async fn get(
        &self,
        table: &'static TableDef,
        partition: &Key,
        clustering: &Key,
    ) -> Result<Option<Row>, StoreError> {
        shape::row(table, partition, clustering)?;
        let _timer = self.metrics.reads.get.start();
        self.reader()?.get(table, partition, clustering)
    }

    async fn multi_get(
        &self,
        table: &'static TableDef,
        keys: &[(Key, Key)],
    ) -> Result<Vec<Option<Row>>, StoreError> {
        keys.iter().try_for_each(|(partition, clustering)| shape::row(table, partition, clustering))?;
        let _timer = self.metrics.reads.multi_get.start();
        self.reader()?.multi_get(table, keys).await
    }

    async fn slice(
        &self,
        table: &'static TableDef,
        partition: &Key,
        slice: Slice,
    ) -> Result<Page, StoreError> {
        shape::slice(table, partition, &slice)?;
        let _timer = self.metrics.reads.slice.start();
        self.reader()?.slice(table, partition, slice).await
    }

    async fn guard(&self, table: &'static TableDef, partition: &Key) -> Result<Option<Guard>, StoreError> {
        shape::guarded(table, partition)?;
        // A failed commit may still be on disk: only the next start knows what the guard is.
        self.health.check()?;
        let _timer = self.metrics.reads.guard.start();
        self.reader()?.guard(table, partition)
    }

    async fn fence(&self, table: &'static TableDef, partition: &Key) -> Result<Guard, StoreError> {
        shape::guarded(table, partition)?;
        let fence = Fence { table, partition: partition.clone(), guard: None };
        let guard = self.writer.submit(fence, 0).await?;
        guard.ok_or_else(|| self.health.dropped())
    }

    async fn append(&self, append: Append) -> Result<Outcome, StoreError> {
        shape::append(&append)?;
        let rows: usize = append.rows.iter().map(|(_, value)| value.len()).sum();
        let bytes = append.head.len() + rows + bytes_of(&append.projections);
        self.writer.submit(Conditional::new(append), bytes).await
    }

    async fn claim(&self, claim: Claim) -> Result<Outcome, StoreError> {
        shape::claim(&claim)?;
        let rows: usize =
            claim.writes.iter().filter_map(|(_, value)| value.as_ref()).map(bytes::Bytes::len).sum();
        let bytes = rows + bytes_of(&claim.projections);
        self.writer.submit(Conditional::new(claim), bytes).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        shape::writes(&writes)?;
        let bytes = bytes_of(&writes);
        self.writer.submit(Writes::new(writes), bytes).await
    }

    async fn export(
        &self,
        table: &'static TableDef,
        partition: &Key,
        slice: Slice,
    ) -> Result<ExportPage, StoreError> {
        shape::slice(table, partition, &slice)?;
        let _timer = self.metrics.reads.slice.start();
        self.reader()?.export(table, partition, slice).await
    }

    async fn partitions(
        &self,
        table: &'static TableDef,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Key>, StoreError> {
        after.map_or(Ok(()), |after| shape::partition(table, after))?;
        let _timer = self.metrics.reads.partitions.start();
        self.reader()?.partitions(table, after, limit).await
    }

    /// They are in the same commit.
    fn atomic_projections(&self) -> bool {
        true
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.writer.submit(Probe, 0).await
    }

    async fn close(&self) {
        if let Some(threads) = self.begin_end() {
            // A panic in there is logged; there is nothing else to tell the caller.
            let _ = tokio::task::spawn_blocking(|| threads.join()).await;
        }
    }
}
