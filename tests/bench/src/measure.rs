//! One measurement: so many operations, in that time, for that much CPU.

use std::time::{Duration, Instant};

use crate::latency::Latencies;
use crate::subject::{Subject, own_cpu};

/// A line of the table.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// What was done.
    pub what: String,
    /// How many times a second.
    pub rate: f64,
    /// How long each took.
    pub latencies: Latencies,
    /// CPU of the server for each.
    pub server_cpu: Option<Duration>,
    /// CPU of the generator for each.
    pub own_cpu: Option<Duration>,
    /// Resident memory of the server afterwards, in MiB.
    pub memory_mib: Option<f64>,
}

/// A running clock: wall time and both CPU times.
#[derive(Debug)]
pub struct Clock {
    began: Instant,
    server: Option<Duration>,
    own: Option<Duration>,
}

impl Clock {
    /// Starts it.
    pub fn starts(subject: &Subject) -> Self {
        Self { began: Instant::now(), server: subject.cpu(), own: own_cpu() }
    }

    /// Stops it: `latencies` has one entry for each operation.
    pub fn stops(self, subject: &Subject, what: impl Into<String>, latencies: Latencies) -> Measurement {
        let wall = self.began.elapsed();
        let count = latencies.len().max(1) as u32;
        let each = |now: Option<Duration>, then: Option<Duration>| Some(now?.saturating_sub(then?) / count);
        Measurement {
            what: what.into(),
            rate: f64::from(count) / wall.as_secs_f64(),
            server_cpu: each(subject.cpu(), self.server),
            own_cpu: each(own_cpu(), self.own),
            memory_mib: subject.memory_mib(),
            latencies,
        }
    }
}
