//! Messages into one room, as fast as the senders can, each waiting for its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use playhouse_tests::{User, json};

use crate::Size;
use crate::latency::Latencies;
use crate::measure::{Clock, Measurement};
use crate::subject::Subject;

/// 20,000 messages; the last tenth is told apart, for the room has grown.
pub async fn plays(subject: &mut Subject, senders: usize, size: Size) -> Vec<Measurement> {
    let users = subject.users(senders).await;
    let room = users[0].creates_room(json!({ "preset": "public_chat" })).await;
    for user in &users[1..] {
        user.joins(&room).await;
    }
    let total = size.of(20_000, 200);
    let next = Arc::new(AtomicUsize::new(0));
    let (clock, began) = (Clock::starts(subject), Instant::now());
    let tasks: Vec<_> = users
        .into_iter()
        .map(|user| tokio::spawn(sends(user, room.clone(), next.clone(), total, began)))
        .collect();
    let (mut latencies, mut moments) = (Latencies::default(), Vec::new());
    for task in tasks {
        let (some, times) = task.await.expect("no panic");
        latencies.extend(some);
        moments.extend(times);
    }
    let plural = if senders == 1 { "" } else { "s" };
    let name = format!("send, {senders} sender{plural}");
    let whole = clock.stops(subject, name.clone(), latencies).with_detail(format!("{total} messages"));
    let last = last_tenth(&whole, format!("{name}, last tenth"), moments);
    vec![whole, last]
}

async fn sends(
    user: User,
    room: String,
    next: Arc<AtomicUsize>,
    total: usize,
    began: Instant,
) -> (Latencies, Vec<(Duration, Duration)>) {
    let (mut latencies, mut moments) = (Latencies::default(), Vec::new());
    while next.fetch_add(1, Ordering::Relaxed) < total {
        let start = Instant::now();
        user.sends(&room, "The lady doth protest too much, methinks.").await;
        let took = start.elapsed();
        latencies.add(took);
        moments.push((began.elapsed(), took));
    }
    (latencies, moments)
}

/// The rate of the last tenth, from the moments of the answers.
fn last_tenth(whole: &Measurement, what: String, mut moments: Vec<(Duration, Duration)>) -> Measurement {
    moments.sort_unstable();
    let tail = &moments[moments.len() * 9 / 10..];
    let time = tail[tail.len() - 1].0.saturating_sub(tail[0].0);
    let mut latencies = Latencies::default();
    for (_, took) in tail {
        latencies.add(*took);
    }
    let rate = tail.len() as f64 / time.as_secs_f64().max(1e-9);
    Measurement { what, rate, latencies, server_cpu: None, own_cpu: None, trips: None, ..whole.clone() }
}
