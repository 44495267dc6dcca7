//! The bound on statements under way. Over it a statement waits for a while, then the store counts as unavailable.

use std::time::Duration;

use metrics::{Counter, Gauge};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::error::unavailable;
use crate::StoreError;

/// The statements under way.
pub(super) struct Flight {
    seats: Semaphore,
    most: u32,
    wait: Duration,
    taken: Gauge,
    refused: Counter,
}

/// A seat; free again when dropped.
pub(super) struct Seat<'a> {
    _permit: SemaphorePermit<'a>,
    taken: &'a Gauge,
}

impl Flight {
    pub fn new(most: u32, wait: Duration, taken: Gauge, refused: Counter) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS as u32);
        Self { seats: Semaphore::new(most as usize), most, wait, taken, refused }
    }

    /// A seat for one statement.
    pub async fn board(&self) -> Result<Seat<'_>, StoreError> {
        let Ok(permit) = tokio::time::timeout(self.wait, self.seats.acquire()).await else {
            self.refused.increment(1);
            return Err(unavailable(format!("{} statements are under way already", self.most)));
        };
        let permit = permit.map_err(|_| unavailable("the store is closed"))?;
        self.taken.increment(1);
        Ok(Seat { _permit: permit, taken: &self.taken })
    }

    /// Takes no more statements. Those under way go on.
    pub fn close(&self) {
        self.seats.close();
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.taken.decrement(1);
    }
}
