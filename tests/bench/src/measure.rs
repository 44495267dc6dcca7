//! One measurement: so many operations, in that time, for that much CPU.

use std::time::{Duration, Instant};

use crate::latency::Latencies;
use crate::subject::{Subject, own_cpu};
use crate::trips::Trips;

/// A line of the table.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// What was done: the same words for every server and size.
    pub what: String,
    /// What else there is to say, such as the size.
    pub detail: String,
    /// Whether the generator set the pace, so that only the latency tells something.
    pub paced: bool,
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
    /// Requests to the CQL cluster for each, and statements in them.
    pub trips: Option<Trips>,
}

impl Measurement {
    /// With a remark.
    pub fn with_detail(self, detail: String) -> Self {
        Self { detail, ..self }
    }

    /// At the generator's pace.
    pub fn paced(self) -> Self {
        Self { paced: true, ..self }
    }

    /// How many times better than the peer: by rate, or by latency where the pace was given.
    pub fn ratio(&self, peer: &Self) -> f64 {
        let p50 = |m: &Self| m.latencies.percentile(50.0).as_secs_f64().max(1e-9);
        if self.paced { p50(peer) / p50(self) } else { self.rate / peer.rate }
    }
}

/// A running clock: wall time and both CPU times.
#[derive(Debug)]
pub struct Clock {
    began: Instant,
    server: Option<Duration>,
    own: Option<Duration>,
    trips: Option<Trips>,
}

impl Clock {
    /// Starts it.
    pub fn starts(subject: &Subject) -> Self {
        let trips = subject.trips();
        Self { began: Instant::now(), server: subject.cpu(), own: own_cpu(), trips }
    }

    /// Stops it: `latencies` has one entry for each operation.
    pub fn stops(self, subject: &Subject, what: impl Into<String>, latencies: Latencies) -> Measurement {
        let wall = self.began.elapsed();
        let count = latencies.len().max(1) as u32;
        let each = |now: Option<Duration>, then: Option<Duration>| Some(now?.saturating_sub(then?) / count);
        Measurement {
            what: what.into(),
            detail: String::new(),
            paced: false,
            rate: f64::from(count) / wall.as_secs_f64(),
            server_cpu: each(subject.cpu(), self.server),
            own_cpu: each(own_cpu(), self.own),
            memory_mib: subject.memory_mib(),
            trips: subject.trips().zip(self.trips).map(|(now, then)| (now - then) / f64::from(count)),
            latencies,
        }
    }
}
