//! A client that starts anew: users in many large rooms sync for the first time.

use std::time::Instant;

use playhouse_tests::{User, json};

use crate::Size;
use crate::latency::Latencies;
use crate::measure::{Clock, Measurement};
use crate::subject::Subject;

const AT_ONCE: usize = 8;
const LAZY: &str =
    "timeout=0&filter=%7B%22room%22%3A%7B%22state%22%3A%7B%22lazy_load_members%22%3Atrue%7D%7D%7D";

/// 50 users in 300 rooms of 300 members each, lazy and full.
pub async fn plays(subject: &mut Subject, size: Size) -> Vec<Measurement> {
    let (count, rooms) = (size.of(300, 10), size.of(300, 10));
    let members = subject.users(count).await;
    let clock = Clock::starts(subject);
    let joins = fills(&members, rooms).await;
    let joined = clock.stops(subject, format!("join, {AT_ONCE} at a time"), joins);
    let readers = size.of(50, 5);
    let mut all = vec![joined];
    // Other users for each kind: what the server learned of one does not help the other.
    for (readers, (kind, query)) in members.chunks(readers).zip([("lazy", LAZY), ("full", "timeout=0")]) {
        let (clock, mut latencies) = (Clock::starts(subject), Latencies::default());
        for reader in readers {
            let start = Instant::now();
            reader.syncs_from(None, query).await;
            latencies.add(start.elapsed());
        }
        let measured = clock.stops(subject, format!("first sync, {kind}"), latencies);
        all.push(measured.with_detail(format!("{rooms} rooms of {count}")));
    }
    all
}

/// Makes the rooms and lets everyone in; how long each join took.
async fn fills(members: &[User], rooms: usize) -> Latencies {
    let mut latencies = Latencies::default();
    let numbers: Vec<usize> = (0..rooms).collect();
    for some in numbers.chunks(AT_ONCE) {
        let tasks: Vec<_> = some
            .iter()
            .map(|n| {
                let (owner, members) = (members[n % members.len()].clone(), members.to_vec());
                tokio::spawn(async move {
                    let room = owner.creates_room(json!({ "preset": "public_chat" })).await;
                    let mut latencies = Latencies::default();
                    for member in members.iter().filter(|m| m.id != owner.id) {
                        let start = Instant::now();
                        member.joins(&room).await;
                        latencies.add(start.elapsed());
                    }
                    latencies
                })
            })
            .collect();
        for task in tasks {
            latencies.extend(task.await.expect("no panic"));
        }
    }
    latencies
}
