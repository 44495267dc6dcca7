//! Whether the store acknowledges writes, as every thread sees it.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::{StoreError, metrics::StoreMetrics};

/// Set once, never mended in this process.
#[derive(Debug, Default)]
pub(super) struct Health {
    poison: OnceLock<String>,
    closed: AtomicBool,
}

impl Health {
    /// Stops all acknowledgement. The first reason is kept.
    pub fn poison(&self, reason: String, metrics: &StoreMetrics) {
        if self.poison.set(reason).is_ok() {
            metrics.poisoned.set(1.0);
            tracing::error!(
                reason = self.reason(),
                "the store stopped acknowledging writes; look at the disk, then restart"
            );
        }
    }

    /// Takes no new writes from now on.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// Whether reads that must be serial, and writes, make sense.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.poison.get().is_some() {
            return Err(self.poisoned());
        }
        if self.closed.load(Ordering::SeqCst) {
            return Err(Self::closing());
        }
        Ok(())
    }

    pub fn is_poisoned(&self) -> bool {
        self.poison.get().is_some()
    }

    pub fn poisoned(&self) -> StoreError {
        StoreError::Poisoned { reason: self.reason().to_owned() }
    }

    /// The answer to a request that the committer dropped: it ended, by order or by accident.
    pub fn dropped(&self) -> StoreError {
        if self.is_poisoned() { self.poisoned() } else { Self::closing() }
    }

    fn reason(&self) -> &str {
        self.poison.get().map_or("unknown", String::as_str)
    }

    fn closing() -> StoreError {
        StoreError::Unavailable {
            reason: "the store is closing".to_owned(),
            retry_after: Duration::from_secs(1),
        }
    }
}
