//! The operations under way, each of which may be several statements: the end of a store waits for them.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::sync::{RwLock, RwLockReadGuard};

use super::error::unavailable;
use crate::StoreError;

/// Every operation reads it; the end writes.
#[derive(Debug, Default)]
pub(super) struct Operations {
    under_way: RwLock<()>,
    closed: AtomicBool,
}

impl Operations {
    /// A mark for one operation, to be dropped at its end.
    ///
    /// # Errors
    /// The store is closed, or about to be.
    pub fn begin(&self) -> Result<RwLockReadGuard<'_, ()>, StoreError> {
        let closed = || unavailable("the store is closed");
        if self.closed.load(Ordering::Acquire) {
            return Err(closed());
        }
        // Refused once the end waits.
        self.under_way.try_read().map_err(|_| closed())
    }

    /// Lets no more begin; waits for those under way, for `patience` at most. Whether all have ended.
    pub async fn end(&self, patience: Duration) -> bool {
        self.closed.store(true, Ordering::Release);
        tokio::time::timeout(patience, self.under_way.write()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_what_is_under_way_and_lets_nothing_begin() {
        let operations = Operations::default();
        let first = operations.begin().unwrap();
        let second = operations.begin().unwrap();
        assert!(!operations.end(Duration::from_secs(1)).await);
        drop((first, second));
        assert!(operations.begin().is_err());
        assert!(operations.end(Duration::from_secs(1)).await);
        assert!(operations.begin().is_err());
    }
}
