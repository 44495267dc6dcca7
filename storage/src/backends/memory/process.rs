//! The life of one process on the store: it takes steps, and may be frozen or killed at any of them.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use tokio::sync::watch;

use crate::StoreError;

#[derive(Debug)]
pub(super) struct Process {
    dead: AtomicBool,
    steps: AtomicU64,
    crash_at: AtomicU64,
    frozen: watch::Sender<bool>,
}

impl Default for Process {
    fn default() -> Self {
        Self {
            dead: AtomicBool::new(false),
            steps: AtomicU64::new(0),
            crash_at: AtomicU64::new(u64::MAX),
            frozen: watch::Sender::new(false),
        }
    }
}

impl Process {
    /// One step: waits while frozen, dies if it is time.
    pub async fn step(&self) -> Result<(), StoreError> {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.frozen.subscribe().wait_for(|frozen| !frozen).await;
        if self.steps.fetch_add(1, Ordering::SeqCst) >= self.crash_at.load(Ordering::SeqCst) {
            self.kill();
        }
        self.check()
    }

    pub fn check(&self) -> Result<(), StoreError> {
        if self.dead.load(Ordering::SeqCst) { Err(unavailable("this process is dead")) } else { Ok(()) }
    }

    pub fn kill(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.frozen.send_replace(false);
    }

    pub fn freeze(&self, frozen: bool) {
        self.frozen.send_replace(frozen);
    }

    pub fn steps(&self) -> u64 {
        self.steps.load(Ordering::SeqCst)
    }

    pub fn crash_at(&self, step: u64) {
        self.crash_at.store(step, Ordering::SeqCst);
    }
}

pub(super) fn unavailable(reason: &str) -> StoreError {
    StoreError::Unavailable { reason: reason.to_owned(), retry_after: Duration::from_secs(1) }
}
