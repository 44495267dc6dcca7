//! How long requests keep a thread busy, and how many are under way: the wait for the store, for an actor or for news
//! does not count.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    time::{Duration, Instant},
};

use metrics::{describe_gauge, gauge};

pub(super) fn describe() {
    describe_gauge!(
        "playhouse_http_busy_seconds_total",
        "Time that requests kept a thread busy, by route template; the work of actors is not in it"
    );
    describe_gauge!("playhouse_http_requests_in_flight", "Requests under way, those that wait for news too");
}

/// A request under way. It is counted when it ends, also when its client went away before the answer.
struct Meter {
    route: &'static str,
    busy: Duration,
}

impl Meter {
    fn of(route: &'static str) -> Self {
        gauge!("playhouse_http_requests_in_flight").increment(1.0);
        Self { route, busy: Duration::ZERO }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        gauge!("playhouse_http_requests_in_flight").decrement(1.0);
        gauge!("playhouse_http_busy_seconds_total", "route" => self.route).increment(self.busy);
    }
}

/// Does `work` and adds the time of its steps to what its route has cost.
pub async fn busy<F: Future>(route: &'static str, work: F) -> F::Output {
    let mut work = pin!(work);
    let mut meter = Meter::of(route);
    poll_fn(|context| {
        let began = Instant::now();
        let step = work.as_mut().poll(context);
        meter.busy += began.elapsed();
        step
    })
    .await
}
