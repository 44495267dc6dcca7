//! Conditional writes of one partition go one after the other within this process: at once they would outbid each
//! other in the servers, and each would take longer than all of them in a row.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use tokio::sync::{Mutex, MutexGuard};

use crate::{key::Key, table::TableDef};

/// How many lanes there are. Two partitions may share one; that costs time and nothing else: who waits too long goes on
/// beside what is in the lane, since it is the conditions that keep the writes right.
const LANES: usize = 1_024;

/// The lanes.
pub(super) struct Lanes {
    all: Vec<Mutex<()>>,
    hasher: RandomState,
    wait: Duration,
}

impl Lanes {
    pub fn new(wait: Duration) -> Self {
        Self { all: (0..LANES).map(|_| Mutex::default()).collect(), hasher: RandomState::new(), wait }
    }

    /// The partition's lane, free for the caller; none where it is not free in time.
    pub async fn enter(&self, table: &TableDef, partition: &Key) -> Option<MutexGuard<'_, ()>> {
        let lane = self.hasher.hash_one((table.id, partition)) as usize % LANES;
        tokio::time::timeout(self.wait, self.all[lane].lock()).await.ok()
    }
}
