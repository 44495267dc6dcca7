//! Many rooms at once, everyone reading: how long from the send to each reader?

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use playhouse_tests::{User, json};
use tokio::sync::mpsc::UnboundedSender;

use crate::Options;
use crate::latency::Latencies;
use crate::measure::{Clock, Measurement};
use crate::subject::Subject;

const MEMBERS: usize = 10;
const TIME: Duration = Duration::from_secs(20);

/// A message arrived at a reader.
#[derive(Debug)]
pub struct Heard {
    /// When.
    pub at: Instant,
    /// Its text.
    pub text: String,
}

type Sent = Arc<Mutex<HashMap<String, Instant>>>;

/// 100 rooms of 10 members; each of the 1,000 sends in turn and holds a sync open all the time.
pub async fn plays(subject: &mut Subject, options: &Options) -> Vec<Measurement> {
    let rooms = fills_rooms(subject, options.size.of(100, 3)).await;
    let (tell, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let mut readers = Vec::new();
    for (room, members) in &rooms {
        for member in members {
            member.syncs().await;
            readers.push(tokio::spawn(reads(member.clone(), room.clone(), tell.clone())));
        }
    }
    let sent = Sent::default();
    let clock = Clock::starts(subject);
    let sending = tokio::spawn(sends(rooms, sent.clone(), options.chatter_rate));
    let collecting = tokio::spawn({
        let sent = sent.clone();
        async move {
            let mut latencies = Latencies::default();
            while let Some(Heard { at, text }) = heard.recv().await {
                let began = sent.lock().expect("not poisoned").get(&text).copied();
                if let Some(began) = began {
                    latencies.add(at.duration_since(began));
                }
            }
            latencies
        }
    });
    let count = sending.await.expect("no panic");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let reader_count = readers.len();
    readers.iter().for_each(tokio::task::JoinHandle::abort);
    drop(readers);
    drop(tell);
    let latencies = collecting.await.expect("no panic");
    let wanted = count * MEMBERS;
    let missing = wanted.saturating_sub(latencies.len());
    let note = if missing == 0 { String::new() } else { format!(", {missing} of {wanted} missing") };
    let detail = format!("{reader_count} readers, {}/s sent{note}", options.chatter_rate);
    vec![clock.stops(subject, "chatter: delivery", latencies).with_detail(detail).paced()]
}

async fn fills_rooms(subject: &mut Subject, count: usize) -> Vec<(String, Vec<User>)> {
    let mut users = subject.users(count * MEMBERS).await;
    let mut rooms = Vec::new();
    while !users.is_empty() {
        let members = users.split_off(users.len() - MEMBERS);
        let room = members[0].creates_room(json!({ "preset": "public_chat" })).await;
        for member in &members[1..] {
            member.joins(&room).await;
        }
        rooms.push((room, members));
    }
    rooms
}

/// Sends at an even pace, round and round the rooms and their members; returns how many.
async fn sends(rooms: Vec<(String, Vec<User>)>, sent: Sent, rate: u32) -> usize {
    let (began, mut count) = (Instant::now(), 0);
    let mut pace = tokio::time::interval(Duration::from_secs(1) / rate);
    let mut sends = Vec::new();
    while began.elapsed() < TIME {
        pace.tick().await;
        let (room, members) = &rooms[count % rooms.len()];
        let member = members[count / rooms.len() % MEMBERS].clone();
        let (room, text, sent) = (room.clone(), format!("line {count}"), sent.clone());
        sends.push(tokio::spawn(async move {
            sent.lock().expect("not poisoned").insert(text.clone(), Instant::now());
            member.sends(&room, &text).await;
        }));
        count += 1;
    }
    for send in sends {
        send.await.expect("no panic");
    }
    count
}

/// Long-polls without end and tells what it hears.
pub async fn reads(user: User, room: String, tell: UnboundedSender<Heard>) {
    loop {
        let sync = user.syncs_with("timeout=30000").await;
        let at = Instant::now();
        for text in sync.messages(&room) {
            if tell.send(Heard { at, text }).is_err() {
                return;
            }
        }
    }
}
