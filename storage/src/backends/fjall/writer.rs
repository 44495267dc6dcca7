//! The front of the committer: bounds what waits, and turns an answer that never came into an error.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{
    committer::{Message, queue_full},
    health::Health,
    task::{Job, Work},
};
use crate::{StoreError, metrics::StoreMetrics};

/// The most requests that wait.
pub(super) const QUEUE_REQUESTS: usize = 4096;

/// The most bytes of requests that wait, in permits of a kibibyte.
const QUEUE_KIB: u32 = 64 * 1024;

/// Hands work to the committer.
#[derive(Clone)]
pub(super) struct Writer {
    queue: flume::Sender<Message>,
    room: Arc<Semaphore>,
    health: Arc<Health>,
    metrics: StoreMetrics,
    timeout: Duration,
}

impl Writer {
    pub fn new(
        queue: flume::Sender<Message>,
        health: Arc<Health>,
        metrics: StoreMetrics,
        timeout: Duration,
    ) -> Self {
        Self { queue, room: Arc::new(Semaphore::new(QUEUE_KIB as usize)), health, metrics, timeout }
    }

    /// Does `work` and answers once it is durable. A caller that goes away does not stop it.
    pub async fn submit<W: Work>(&self, work: W, bytes: usize) -> Result<W::Answer, StoreError> {
        self.health.check()?;
        let (reply, answer) = oneshot::channel();
        let enqueue = async {
            let permit = self.permit(bytes).await?;
            let job = Box::new(Job { work, bytes, reply, permit });
            self.queue.send_async(Message::Task(job)).await.map_err(|_| self.health.dropped())
        };
        let queued = tokio::time::timeout(self.timeout, enqueue).await;
        queued.unwrap_or_else(|_| {
            self.metrics.queue_refused.increment(1);
            Err(queue_full(self.timeout))
        })?;
        answer.await.map_err(|_| self.health.dropped())?
    }

    /// As [`submit`](Self::submit), from a thread that may block.
    pub fn submit_blocking<W: Work>(&self, work: W, bytes: usize) -> Result<W::Answer, StoreError> {
        self.health.check()?;
        let (reply, answer) = oneshot::channel();
        let kib = kib(bytes);
        let permit =
            Arc::clone(&self.room).try_acquire_many_owned(kib).map_err(|_| queue_full(Duration::ZERO))?;
        let job = Box::new(Job { work, bytes, reply, permit });
        self.queue.send(Message::Task(job)).map_err(|_| self.health.dropped())?;
        answer.blocking_recv().map_err(|_| self.health.dropped())?
    }

    /// Tells the committer to end after what is queued.
    pub fn close(&self) {
        let _ = self.queue.send(Message::Close);
    }

    async fn permit(&self, bytes: usize) -> Result<OwnedSemaphorePermit, StoreError> {
        let room = Arc::clone(&self.room);
        room.acquire_many_owned(kib(bytes)).await.map_err(|_| self.health.dropped())
    }
}

/// Permits for `bytes`; one that is larger than the whole queue waits for all of it.
fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX).min(QUEUE_KIB)
}
