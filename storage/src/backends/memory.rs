//! The adversarial back end, for tests: as unhelpful as the contract allows, and the same again for the same seed.
//!
//! Rows of different partitions become visible one by one, in any order. Conditional batches now and then answer
//! "unknown", having been applied, or not, or only later, until their partition is fenced. Writes are cut off in the
//! middle. At every step of every operation the process may be frozen or killed, and another opened on its disk.

mod partition;
mod process;
mod world;

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::{Mutex, MutexGuard};
use rand::{RngExt as _, seq::SliceRandom as _};

use self::{
    process::{Process, unavailable},
    world::{Late, World},
};
use super::shape;
use crate::{
    Append, Backend, Claim, ExportPage, Guard, Outcome, Page, Row, Slice, StoreError, Write, clock::Clock,
    key::Key, table::TableDef,
};

/// How unhelpful the store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adversity {
    /// Of a thousand conditional batches and fences, how many give no clear answer.
    pub unknown_per_mille: u32,
    /// Of a thousand applied conditional batches, how many lose some of their projections; the answer is "unknown".
    pub lose_projection_per_mille: u32,
    /// Of a thousand writes, how many are cut off in the middle and answer "unavailable".
    pub partial_write_per_mille: u32,
    /// The most turns that other tasks get at each step of an operation.
    pub delay_yields: u32,
}

impl Adversity {
    /// A plain, correct store: operations happen at once, whole and in order.
    pub const fn none() -> Self {
        Self {
            unknown_per_mille: 0,
            lose_projection_per_mille: 0,
            partial_write_per_mille: 0,
            delay_yields: 0,
        }
    }
}

/// What survives the death of a process.
#[derive(Clone)]
pub struct MemoryDisk(Arc<Mutex<World>>);

impl std::fmt::Debug for MemoryDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MemoryDisk")
    }
}

/// One process's hold on the store. Clones are the same process, so that a test keeps one to kill it by.
#[derive(Debug, Clone)]
pub struct MemoryBackend {
    disk: MemoryDisk,
    process: Arc<Process>,
    adversity: Adversity,
    clock: Clock,
}

impl MemoryBackend {
    /// A process on a new, empty store.
    pub fn new(seed: u64, adversity: Adversity) -> Self {
        Self::open(&MemoryDisk(Arc::new(Mutex::new(World::new(seed)))), adversity)
    }

    /// A process on a store that others used before, or use now.
    pub fn open(disk: &MemoryDisk, adversity: Adversity) -> Self {
        Self { disk: disk.clone(), process: Arc::default(), adversity, clock: Clock::system() }
    }

    /// Expires rows by `clock`.
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The store below, to open another process on.
    pub fn disk(&self) -> MemoryDisk {
        self.disk.clone()
    }

    /// Kills the process: whatever is under way stops where it stands, every later call fails.
    pub fn crash(&self) {
        self.process.kill();
    }

    /// Kills the process at a step to come; see [`steps`](Self::steps). A run with the same seed takes the same
    /// steps, so a crash at each of them in turn is a crash at every await.
    pub fn crash_at(&self, step: u64) {
        self.process.crash_at(step);
    }

    /// The steps that operations of this process took so far.
    pub fn steps(&self) -> u64 {
        self.process.steps()
    }

    /// Holds every operation at its next step until [`thaw`](Self::thaw): a process that is paused, or cut off.
    pub fn freeze(&self) {
        self.process.freeze(true);
    }

    /// Ends a [`freeze`](Self::freeze).
    pub fn thaw(&self) {
        self.process.freeze(false);
    }

    /// Writes where no caller may, so that a test has a store that is not sound.
    pub fn spoil(&self, write: &Write) {
        self.world().write(write, self.clock.now_ms());
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.disk.0.lock()
    }

    /// Lets others run, then goes on if this process still lives.
    async fn step(&self) -> Result<(), StoreError> {
        let turns = match self.adversity.delay_yields {
            0 => 0,
            most => self.world().rng.random_range(0..=most),
        };
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        self.process.step().await?;
        self.world().settle(self.clock.now_ms());
        Ok(())
    }

    /// Applies writes one after the other, with steps between; in any order where time passes between them.
    async fn apply(&self, mut writes: Vec<Write>) -> Result<(), StoreError> {
        if self.adversity.delay_yields > 0 {
            writes.shuffle(&mut self.world().rng);
        }
        for write in writes {
            self.step().await?;
            self.world().write(&write, self.clock.now_ms());
        }
        Ok(())
    }

    /// A subset of `writes`, every one of which is possible.
    fn some_of(&self, writes: Vec<Write>) -> Vec<Write> {
        let mut world = self.world();
        writes.into_iter().filter(|_| world.rng.random()).collect()
    }

    /// A conditional batch with all that may befall it.
    async fn conditional(&self, late: Late, projections: Vec<Write>) -> Result<Outcome, StoreError> {
        self.step().await?;
        let lost = self.world().rolls(self.adversity.unknown_per_mille);
        let fate = if lost { self.world().rng.random_range(0..3) } else { 0 };
        let outcome = match (fate, late) {
            (1, _) => return Ok(Outcome::Unknown),
            (2, late) => {
                self.world().leave_late(late);
                return Ok(Outcome::Unknown);
            }
            (_, Late::Append(append)) => self.world().append(&append, self.clock.now_ms()),
            (_, Late::Claim(claim)) => self.world().claim(&claim, self.clock.now_ms()),
        };
        if outcome == Outcome::Applied {
            let incomplete = lost || self.world().rolls(self.adversity.lose_projection_per_mille);
            let projections = if incomplete { self.some_of(projections) } else { projections };
            self.apply(projections).await?;
            if incomplete {
                return Ok(Outcome::Unknown);
            }
        }
        self.step().await?;
        Ok(if lost { Outcome::Unknown } else { outcome })
    }
}

#[async_trait]
impl Backend for MemoryBackend {
    async fn get(
        &self,
        table: &'static TableDef,
        partition: &Key,
        clustering: &Key,
    ) -> Result<Option<Row>, StoreError> {
        shape::row(table, partition, clustering)?;
        self.step().await?;
        let now_ms = self.clock.now_ms();
        Ok(self.world().partition(table, partition).and_then(|rows| rows.get(clustering, now_ms)))
    }

    async fn multi_get(
        &self,
        table: &'static TableDef,
        keys: &[(Key, Key)],
    ) -> Result<Vec<Option<Row>>, StoreError> {
        let mut rows = Vec::with_capacity(keys.len());
        for (partition, clustering) in keys {
            rows.push(self.get(table, partition, clustering).await?);
        }
        Ok(rows)
    }

    async fn slice(
        &self,
        table: &'static TableDef,
        partition: &Key,
        slice: Slice,
    ) -> Result<Page, StoreError> {
        shape::slice(table, partition, &slice)?;
        self.step().await?;
        let now_ms = self.clock.now_ms();
        let page = self.world().partition(table, partition).map(|rows| rows.slice(slice, now_ms));
        Ok(page.unwrap_or(Page { rows: Vec::new(), more: false }))
    }

    async fn guard(&self, table: &'static TableDef, partition: &Key) -> Result<Option<Guard>, StoreError> {
        shape::guarded(table, partition)?;
        self.step().await?;
        Ok(self.world().partition(table, partition).and_then(|rows| rows.guard().cloned()))
    }

    async fn fence(&self, table: &'static TableDef, partition: &Key) -> Result<Guard, StoreError> {
        shape::guarded(table, partition)?;
        self.step().await?;
        let lost = self.world().rolls(self.adversity.unknown_per_mille);
        if lost && self.world().rng.random() {
            return Err(unavailable("no answer to a fence"));
        }
        let guard = self.world().partition_mut(table, partition).fence();
        self.step().await?;
        if lost { Err(unavailable("no answer to a fence")) } else { Ok(guard) }
    }

    async fn append(&self, mut append: Append) -> Result<Outcome, StoreError> {
        shape::append(&append)?;
        let projections = std::mem::take(&mut append.projections);
        self.conditional(Late::Append(append), projections).await
    }

    async fn claim(&self, mut claim: Claim) -> Result<Outcome, StoreError> {
        shape::claim(&claim)?;
        let projections = std::mem::take(&mut claim.projections);
        self.conditional(Late::Claim(claim), projections).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        shape::writes(&writes)?;
        self.step().await?;
        let cut = self.world().rolls(self.adversity.partial_write_per_mille);
        let writes = if cut { self.some_of(writes) } else { writes };
        self.apply(writes).await?;
        self.step().await?;
        if cut { Err(unavailable("cut off in the middle of a write")) } else { Ok(()) }
    }

    async fn export(
        &self,
        table: &'static TableDef,
        partition: &Key,
        slice: Slice,
    ) -> Result<ExportPage, StoreError> {
        shape::slice(table, partition, &slice)?;
        self.step().await?;
        let now_ms = self.clock.now_ms();
        let page = self.world().partition(table, partition).map(|rows| rows.export(slice, now_ms));
        Ok(page.unwrap_or(ExportPage { rows: Vec::new(), more: false }))
    }

    async fn partitions(
        &self,
        table: &'static TableDef,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Key>, StoreError> {
        self.step().await?;
        let now_ms = self.clock.now_ms();
        Ok(self.world().keys(table, after, now_ms).take(limit).cloned().collect())
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.process.check()
    }

    async fn close(&self) {
        self.process.kill();
    }
}
