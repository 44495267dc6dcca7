//! Metrics of the store. Handles are made once; install the recorder before the store is opened.

mod cql;

use std::time::Instant;

use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};

pub use cql::{CqlMetrics, Outcomes, Rejected, Requests, Writes};

/// A histogram of durations.
#[derive(Debug, Clone)]
pub struct Timed(Histogram);

/// Records the time since it was made when dropped.
#[derive(Debug)]
pub struct Timer<'a>(&'a Histogram, Instant);

impl Timed {
    /// Durations that go into a histogram, in seconds.
    pub const fn new(histogram: Histogram) -> Self {
        Self(histogram)
    }

    /// Starts a measurement.
    pub fn start(&self) -> Timer<'_> {
        Timer(&self.0, Instant::now())
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        self.0.record(self.1.elapsed());
    }
}

/// The handles of one store.
#[derive(Clone)]
pub struct StoreMetrics {
    /// Seconds from taking up a group to having answered it.
    pub commit_seconds: Histogram,
    /// Seconds of journal write and sync of a group; the rows' way into memory, microseconds, is in it.
    pub fsync_seconds: Histogram,
    /// Requests a group.
    pub batch_requests: Histogram,
    /// Bytes a group.
    pub batch_bytes: Histogram,
    /// Requests that wait.
    pub queue_depth: Gauge,
    /// Requests refused because the queue stayed full.
    pub queue_refused: Counter,
    /// 1 when the store stopped acknowledging.
    pub poisoned: Gauge,
    /// Bytes in the block cache.
    pub cache_bytes: Gauge,
    /// Bytes of rows in memory that are not in tables yet.
    pub memtable_bytes: Gauge,
    /// Bytes on disk.
    pub disk_bytes: Gauge,
    /// Rows removed because their time was over.
    pub expired: Counter,
    /// Seconds of reads, by operation.
    pub reads: Reads,
}

/// How long reads take, by a closed set of operations.
#[derive(Clone)]
pub struct Reads {
    /// Single rows.
    pub get: Timed,
    /// Calls for many single rows.
    pub multi_get: Timed,
    /// Ranges of a partition.
    pub slice: Timed,
    /// Guards.
    pub guard: Timed,
    /// Walks over partitions.
    pub partitions: Timed,
}

impl Reads {
    fn register() -> Self {
        describe_histogram!("playhouse_store_read_seconds", "Time of a read, by operation");
        let op = |op: &'static str| Timed(histogram!("playhouse_store_read_seconds", "op" => op));
        Self {
            get: op("get"),
            multi_get: op("multi_get"),
            slice: op("slice"),
            guard: op("guard"),
            partitions: op("partitions"),
        }
    }
}

impl std::fmt::Debug for StoreMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreMetrics")
    }
}

impl StoreMetrics {
    /// Registers the metrics with the installed recorder.
    pub fn register() -> Self {
        describe();
        let metrics = Self {
            commit_seconds: histogram!("playhouse_store_commit_seconds"),
            fsync_seconds: histogram!("playhouse_store_fsync_seconds"),
            batch_requests: histogram!("playhouse_store_batch_requests"),
            batch_bytes: histogram!("playhouse_store_batch_bytes"),
            queue_depth: gauge!("playhouse_store_queue_depth"),
            queue_refused: counter!("playhouse_store_queue_refused_total"),
            poisoned: gauge!("playhouse_store_poisoned"),
            cache_bytes: gauge!("playhouse_store_cache_bytes"),
            memtable_bytes: gauge!("playhouse_store_memtable_bytes"),
            disk_bytes: gauge!("playhouse_store_disk_bytes"),
            expired: counter!("playhouse_store_expired_rows_total"),
            reads: Reads::register(),
        };
        metrics.poisoned.set(0.0);
        metrics
    }
}

fn describe() {
    describe_histogram!(
        "playhouse_store_commit_seconds",
        "Time to commit one group of writes, checks and answers included"
    );
    describe_histogram!(
        "playhouse_store_fsync_seconds",
        "Time to write one group to the journal and sync it"
    );
    describe_histogram!("playhouse_store_batch_requests", "Requests in one group commit");
    describe_histogram!("playhouse_store_batch_bytes", "Bytes in one group commit");
    describe_gauge!("playhouse_store_queue_depth", "Write requests that wait for the committer");
    describe_counter!(
        "playhouse_store_queue_refused_total",
        "Write requests refused because the queue stayed full"
    );
    describe_gauge!(
        "playhouse_store_poisoned",
        "1 when a failed sync or a full disk stopped all acknowledgement"
    );
    describe_gauge!("playhouse_store_cache_bytes", "Bytes in the block cache");
    describe_gauge!("playhouse_store_memtable_bytes", "Bytes of rows in memory that are not in tables yet");
    describe_gauge!("playhouse_store_disk_bytes", "Bytes that the store takes on disk");
    describe_counter!("playhouse_store_expired_rows_total", "Rows removed because their time was over");
}
