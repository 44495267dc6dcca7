//! Nothing happens: how much memory and CPU does that take?

use std::time::Duration;

use crate::latency::Latencies;
use crate::measure::{Clock, Measurement};
use crate::subject::Subject;

const TIME: Duration = Duration::from_secs(2);

/// Two idle seconds count as one operation.
pub async fn plays(subject: &mut Subject) -> Vec<Measurement> {
    let clock = Clock::starts(subject);
    tokio::time::sleep(TIME).await;
    let mut latencies = Latencies::default();
    latencies.add(TIME);
    vec![clock.stops(subject, "idle, two seconds", latencies)]
}
