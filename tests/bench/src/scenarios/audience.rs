//! One room whose members all hold a sync open: how long until the last of them has a message?

use std::time::{Duration, Instant};

use playhouse_tests::json;

use crate::Size;
use crate::latency::Latencies;
use crate::measure::{Clock, Measurement};
use crate::scenarios::chatter::{Heard, reads};
use crate::subject::Subject;

const PAUSE: Duration = Duration::from_millis(100);

/// 500 members, 100 messages one after the other.
pub async fn plays(subject: &mut Subject, size: Size) -> Vec<Measurement> {
    let members = subject.users(size.of(500, 20)).await;
    let room = members[0].creates_room(json!({ "preset": "public_chat" })).await;
    for member in &members[1..] {
        member.joins(&room).await;
    }
    let began = Instant::now();
    let (tell, mut heard) = tokio::sync::mpsc::unbounded_channel::<Heard>();
    let mut readers = Vec::new();
    for member in &members {
        member.syncs().await;
        readers.push(tokio::spawn(reads(member.clone(), room.clone(), tell.clone())));
    }
    let mut latencies = Latencies::default();
    let clock = Clock::starts(subject);
    for number in 0..size.of(100, 10) {
        tokio::time::sleep(PAUSE).await;
        let sent = began.elapsed();
        members[0].sends(&room, &format!("at {number}")).await;
        let mut last = Duration::ZERO;
        for _ in 0..members.len() {
            last = heard.recv().await.expect("readers live").at.duration_since(began);
        }
        latencies.add(last.saturating_sub(sent));
    }
    let detail = format!("{} members", members.len());
    let measured =
        clock.stops(subject, "audience: until the last has it", latencies).with_detail(detail).paced();
    readers.iter().for_each(tokio::task::JoinHandle::abort);
    vec![measured]
}
