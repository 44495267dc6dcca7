//! How long and how often something is tried again that does no harm when it is done twice.

use std::time::Duration;

use tokio::time::Instant;

use super::{cluster::Cluster, error::Failure};
use crate::StoreError;

/// The most attempts.
const ATTEMPTS: u32 = 12;
/// The pause after the first attempt; each is twice as long as the one before it, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_millis(800);

/// How long an operation may try: as long as two statements may take.
pub(super) fn length(cluster: &Cluster) -> Duration {
    cluster.statement_timeout * 2
}

/// What is left of the attempts.
pub(super) struct Patience<'a> {
    cluster: &'a Cluster,
    ends: Instant,
    attempts: u32,
    pause: Duration,
}

impl<'a> Patience<'a> {
    /// Patience for one operation.
    pub fn new(cluster: &'a Cluster) -> Self {
        let ends = Instant::now() + length(cluster);
        Self { cluster, ends, attempts: 1, pause: FIRST_PAUSE }
    }

    /// Waits before what no node has run is sent again; another node may take it.
    ///
    /// # Errors
    /// The failure, where nothing was sent because too much is under way, or patience is over.
    pub async fn retry_elsewhere(&mut self, failure: Failure) -> Result<(), StoreError> {
        match failure {
            Failure::Unsent(error) => Err(error),
            failure => self.retry(failure.into()).await,
        }
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    /// `error`, where trying again would not help or is over.
    pub async fn retry(&mut self, error: StoreError) -> Result<(), StoreError> {
        if !error.is_transient() || self.attempts == ATTEMPTS || Instant::now() + self.pause > self.ends {
            return Err(error);
        }
        tracing::debug!(%error, attempt = self.attempts, "a statement is tried again");
        self.cluster.metrics.retries.increment(1);
        self.attempts += 1;
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}
