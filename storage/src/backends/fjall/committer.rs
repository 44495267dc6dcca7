//! The one thread that writes. It takes whatever waits, up to a bound, checks it in order, commits it with one sync
//! and answers all. While it syncs the next group gathers, so a slow disk makes large groups and a fast one small
//! ones; nobody waits for company.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use fjall::PersistMode;

use super::{
    apply::{Progress, Ranged, Transaction},
    health::Health,
    options::{CommitHook, CommitStage, Fault},
    overlay::Overlay,
    task::Task,
    trees::Trees,
};
use crate::{StoreError, clock::Clock, metrics::StoreMetrics};

/// The most requests of a group.
const GROUP_REQUESTS: usize = 512;

/// The bytes at which a group is full.
const GROUP_BYTES: usize = 4 * 1024 * 1024;

/// How long the last flush may take: the journal has it all.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// What the queue carries.
pub(super) enum Message {
    Task(Box<dyn Task>),
    /// Finish what is queued and end.
    Close,
}

pub(super) struct Committer {
    pub trees: Arc<Trees>,
    pub queue: flume::Receiver<Message>,
    pub health: Arc<Health>,
    pub metrics: StoreMetrics,
    pub clock: Clock,
    pub grace: Duration,
    pub hook: Option<CommitHook>,
    pub ranged: Ranged,
    /// Requests that go on in the next group.
    pub unfinished: Vec<Box<dyn Task>>,
    /// The order to end has come.
    pub closing: bool,
}

impl Committer {
    pub fn run(mut self) {
        let _watch = PanicWatch { health: Arc::clone(&self.health), metrics: self.metrics.clone() };
        while let Some(group) = self.gather() {
            self.metrics.queue_depth.set(self.queue.len() as f64);
            self.process(group);
        }
        if !self.health.is_poisoned()
            && let Err(error) = self.trees.flush(CLOSE_PATIENCE)
        {
            tracing::warn!(%error, "the store was closed without a last flush; the next start replays its journal");
        }
    }

    /// The next group; `None` once the store is closed and the queue is empty.
    fn gather(&mut self) -> Option<Vec<Box<dyn Task>>> {
        let mut group = std::mem::take(&mut self.unfinished);
        let mut bytes = 0;
        while group.len() < GROUP_REQUESTS && bytes < GROUP_BYTES {
            let Some(task) = self.next(group.is_empty()) else { break };
            bytes += task.bytes();
            group.push(task);
        }
        (!group.is_empty()).then_some(group)
    }

    /// The next request; waits for one if there is nothing else to do.
    fn next(&mut self, wait: bool) -> Option<Box<dyn Task>> {
        loop {
            let message =
                if wait && !self.closing { self.queue.recv().ok() } else { self.queue.try_recv().ok() };
            match message {
                Some(Message::Task(task)) => return Some(task),
                Some(Message::Close) => self.closing = true,
                None => return None,
            }
        }
    }

    fn process(&mut self, group: Vec<Box<dyn Task>>) {
        let started = Instant::now();
        if self.health.is_poisoned() {
            return group.into_iter().for_each(|task| task.settle(Err(self.health.poisoned())));
        }
        self.metrics.batch_requests.record(group.len() as f64);
        let mut transaction = Transaction {
            overlay: Overlay::new(&self.trees),
            ranged: &mut self.ranged,
            now_ms: self.clock.now_ms(),
            grace: self.grace,
        };
        let mut done = Vec::with_capacity(group.len());
        for mut task in group {
            transaction.overlay.mark();
            match task.apply(&mut transaction) {
                Ok(Progress::Done) => done.push(task),
                Ok(Progress::More) => self.unfinished.push(task),
                Err(error) => {
                    transaction.overlay.undo();
                    task.settle(Err(error));
                }
            }
        }
        let Transaction { overlay, .. } = transaction;
        self.metrics.batch_bytes.record(overlay.bytes() as f64);
        let result = commit(&self.trees, overlay, self.hook.as_ref(), &self.metrics);
        if let Err(reason) = &result {
            self.health.poison(reason.clone(), &self.metrics);
            done.append(&mut self.unfinished);
        }
        for task in done {
            task.settle(result.clone().map_err(|_| self.health.poisoned()));
        }
        self.metrics.commit_seconds.record(started.elapsed());
    }
}

/// Makes a group durable, or says why it could not be.
fn commit(
    trees: &Trees,
    overlay: Overlay<'_>,
    hook: Option<&CommitHook>,
    metrics: &StoreMetrics,
) -> Result<(), String> {
    let fault = hook.map_or(Fault::None, |hook| hook.call(CommitStage::Before));
    match fault {
        Fault::None => {}
        Fault::DiskFull => return Err("no space left on device (injected)".to_owned()),
        Fault::SyncFails => {
            let batch = overlay.into_batch().durability(Some(PersistMode::Buffer));
            batch.commit().map_err(|error| error.to_string())?;
            return Err("sync failed (injected)".to_owned());
        }
    }
    let started = Instant::now();
    if overlay.is_empty() {
        // Nothing to sync; still asks whether a background thread found the disk broken.
        return trees.db().persist(PersistMode::Buffer).map_err(|error| error.to_string());
    }
    overlay
        .into_batch()
        .durability(Some(PersistMode::SyncData))
        .commit()
        .map_err(|error| error.to_string())?;
    metrics.fsync_seconds.record(started.elapsed());
    if let Some(hook) = hook {
        hook.call(CommitStage::Synced);
    }
    Ok(())
}

/// Poisons the store if the thread dies by panic: what was queued is never written.
struct PanicWatch {
    health: Arc<Health>,
    metrics: StoreMetrics,
}

impl Drop for PanicWatch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.health.poison("the committer panicked".to_owned(), &self.metrics);
        }
    }
}

/// The error of a request that found no room in time.
pub(super) fn queue_full(waited: Duration) -> StoreError {
    StoreError::Unavailable {
        reason: format!("the write queue was full for {} ms", waited.as_millis()),
        retry_after: Duration::from_secs(1),
    }
}
