//! Removes rows whose time is over, oldest first, a bounded number at a time, through the committer like any write.
//! Readers have not seen them since they expired; this frees their place.

use std::time::Duration;

use super::{reader::Reader, task::Sweep, writer::Writer};
use crate::{StoreError, metrics::StoreMetrics, table::Family};

/// Rows that one request removes.
const BATCH_ROWS: usize = 256;

/// What an index entry and its row weigh in the committer's group.
const ROW_BYTES: usize = 256;

pub(super) struct Sweeper {
    pub reader: Reader,
    pub writer: Writer,
    pub metrics: StoreMetrics,
    pub every: Duration,
    /// Ends the sweeper when its other end is dropped.
    pub stop: flume::Receiver<()>,
}

impl Sweeper {
    pub fn run(self) {
        while self.stop.recv_timeout(self.every) == Err(flume::RecvTimeoutError::Timeout) {
            self.publish_sizes();
            for family in Family::ALL {
                if let Err(error) = self.sweep(family) {
                    tracing::warn!(family = family.name(), %error, "expired rows stay for now");
                }
            }
        }
    }

    fn sweep(&self, family: Family) -> Result<(), StoreError> {
        loop {
            let due = self.reader.due(family, BATCH_ROWS)?;
            let rows = due.len();
            if rows == 0 {
                return Ok(());
            }
            self.writer.submit_blocking(Sweep { family, due }, rows * ROW_BYTES)?;
            self.metrics.expired.increment(rows as u64);
            if rows < BATCH_ROWS || !self.stop.is_empty() || self.stop.is_disconnected() {
                return Ok(());
            }
        }
    }

    fn publish_sizes(&self) {
        let db = self.reader.trees.db();
        self.metrics.cache_bytes.set(db.cache_size() as f64);
        self.metrics.memtable_bytes.set(db.write_buffer_size() as f64);
        if let Ok(bytes) = db.disk_space() {
            self.metrics.disk_bytes.set(bytes as f64);
        }
    }
}
