//! The comparison: what the server holds against what it acknowledged.

use std::collections::{BTreeMap, BTreeSet};

use super::ledger::{Ledger, Message, Ping};
use super::reader::ids;
use super::theater::Theater;
use super::worker::{account_data_path, sends_message, sends_ping, state_path};
use crate::{User, Value, segment};

/// Sends again all that had no answer, under the same transaction ids, as a client does. Returns how many these were.
pub async fn settle(theater: &Theater) -> usize {
    let (messages, pings) = open_ends(&theater.book.open());
    let count = messages.len() + pings.len();
    for (text, message) in messages {
        let sent = sends_message(&theater.users[message.user], &theater.room, &text, &message).await;
        let mut book = theater.book.open();
        match sent {
            Ok(event_id) => book.messages.get_mut(&text).expect("noted").event_id = event_id,
            Err(why) => book.faults.push(format!("{text} could not be sent again: {why:?}")),
        }
    }
    for (number, ping) in pings {
        let sent = sends_ping(&theater.users[ping.from], &theater.users[ping.to], number, &ping).await;
        let mut book = theater.book.open();
        match sent {
            Ok(()) => book.pings.get_mut(&number).expect("noted").acknowledged = true,
            Err(why) => book.faults.push(format!("to-device {number} could not be sent again: {why:?}")),
        }
    }
    count
}

type OpenEnds = (Vec<(String, Message)>, Vec<(u64, Ping)>);

fn open_ends(book: &Ledger) -> OpenEnds {
    let messages = book.messages.iter().filter(|(_, m)| m.event_id.is_none());
    let pings = book.pings.iter().filter(|(_, p)| !p.acknowledged);
    (messages.map(|(t, m)| (t.clone(), m.clone())).collect(), pings.map(|(n, p)| (*n, p.clone())).collect())
}

/// All checks of a round; faults go into the ledger.
pub async fn everything(theater: &mut Theater) {
    let mut faults = Vec::new();
    let anchor = theater.log.last().cloned().expect("never empty");
    let new = log_after(theater, &anchor, &mut faults).await;
    let known = theater.log.len();
    theater.log.extend(new.iter().map(|(id, _)| id.clone()));
    faults.extend(messages_in(&theater.book.open(), &new, &theater.log));
    for reader in &mut theater.readers {
        if !reader.catches_up().await {
            faults.push("a sync token from before the crash was refused".to_owned());
        }
    }
    faults.extend(reads_match(theater, known));
    faults.extend(pings_arrived(theater));
    for index in 0..theater.users.len() {
        faults.extend(account_holds(theater, index).await);
    }
    theater.book.open().faults.append(&mut faults);
}

/// The events after the anchor with their texts, oldest first, as `/messages` tells them.
async fn log_after(theater: &Theater, anchor: &str, faults: &mut Vec<String>) -> Vec<(String, String)> {
    let (mut log, mut from) = (Vec::new(), String::new());
    loop {
        let path = format!("/v3/rooms/{}/messages?dir=b&limit=500{from}", segment(&theater.room));
        let page = theater.users[0].get(&path).await;
        if !page.is_ok() {
            faults.push(format!("the room cannot be read: {} {}", page.status, page.body));
            return Vec::new();
        }
        for event in page.body["chunk"].as_array().map(Vec::as_slice).unwrap_or_default() {
            if event["event_id"] == anchor {
                log.reverse();
                return log;
            }
            let text = event["content"]["body"].as_str().unwrap_or_default().to_owned();
            log.push((ids(&Value::from(vec![event.clone()])).concat(), text));
        }
        let Some(end) = page.body["end"].as_str() else {
            faults.push(format!("the event {anchor} has gone from the log"));
            return Vec::new();
        };
        from = format!("&from={}", segment(end));
    }
}

/// Every message of the ledger stands in the log once, under the id that was acknowledged.
fn messages_in(book: &Ledger, new: &[(String, String)], log: &[String]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, text) in new {
        places.entry(text).or_default().push(id);
    }
    let everywhere: BTreeSet<&str> = log.iter().map(String::as_str).collect();
    for (text, message) in &book.messages {
        let Some(id) = message.event_id.as_deref() else { continue };
        if !everywhere.contains(id) {
            faults.push(format!("lost: {text}, acknowledged as {id}"));
        }
        match places.get(text.as_str()).map(Vec::as_slice) {
            None => {} // of an earlier round
            Some([place]) if *place == id => {}
            Some(found) => {
                faults.push(format!("{text}, acknowledged as {id}, stands in the log as {found:?}"));
            }
        }
    }
    if everywhere.len() != log.len() {
        faults.push("an event stands in the log twice".to_owned());
    }
    faults
}

/// What each reader was told is the log: no gap, no repeat, the same order.
fn reads_match(theater: &Theater, known: usize) -> Vec<String> {
    let log = &theater.log[1..];
    let mut faults = Vec::new();
    for (index, reader) in theater.readers.iter().enumerate() {
        if reader.events == log {
            continue;
        }
        let at = reader.events.iter().zip(log).take_while(|(a, b)| a == b).count();
        let (told, stands) = (reader.events.get(at), log.get(at));
        faults.push(format!(
            "reader {index} was told {} events, the log has {} ({} before this round); they part at {at}: {told:?} against {stands:?}",
            reader.events.len(),
            log.len(),
            known - 1,
        ));
    }
    faults
}

/// Every acknowledged to-device message arrived once.
fn pings_arrived(theater: &Theater) -> Vec<String> {
    let book = theater.book.open();
    let mut faults = Vec::new();
    for (index, reader) in theater.readers.iter().enumerate() {
        let arrived: BTreeSet<u64> = reader.pings.iter().copied().collect();
        if arrived.len() != reader.pings.len() {
            faults.push(format!("a to-device message was told to user {index} twice"));
        }
        let lost: Vec<_> = book
            .pings
            .iter()
            .filter(|(n, p)| p.to == index && p.acknowledged && !arrived.contains(n))
            .map(|(n, _)| *n)
            .collect();
        if !lost.is_empty() {
            faults.push(format!("to-device messages to user {index} were lost: {lost:?}"));
        }
    }
    faults
}

/// Counters, receipts and one-time keys of one user.
async fn account_holds(theater: &Theater, index: usize) -> Vec<String> {
    let (user, room) = (&theater.users[index], &theater.room);
    let account = theater.book.open().accounts[index].clone();
    let mut faults = Vec::new();
    for (what, path, counter) in [
        ("account data", account_data_path(user), account.global_data),
        ("state", state_path(room, user), account.state),
    ] {
        let value = user.get(&path).await.body["value"].as_u64().unwrap_or_default();
        if !counter.holds(value) {
            faults.push(format!("{what} of user {index} is {value}, of {counter:?}"));
        }
    }
    let place = receipt(user, room).await.map_or(0, |event| 1 + position(&account.marks, &event));
    if !account.receipts.holds(place as u64) {
        faults.push(format!("the receipt of user {index} stands at {place}, of {:?}", account.receipts));
    }
    let claimed = account.keys_claimed.len() as u64;
    let least = (account.keys_acknowledged).saturating_sub(claimed + account.claims_lost);
    let most = account.keys_made - claimed;
    let count = theater.readers[index].key_count;
    if !(least..=most).contains(&count) {
        faults.push(format!("user {index} has {count} one-time keys, not {least} to {most}"));
    }
    faults
}

fn position(marks: &[String], event: &str) -> usize {
    marks.iter().position(|m| m == event).unwrap_or(usize::MAX - 1)
}

/// The event that the user has read up to.
async fn receipt(user: &User, room: &str) -> Option<String> {
    let sync = user.syncs_from(None, "timeout=0").await;
    let all = sync.ephemeral(room);
    let receipts = all.iter().find(|e| e["type"] == "m.receipt")?["content"].as_object()?.clone();
    receipts.into_iter().find(|(_, kinds)| kinds["m.read"][&user.id].is_object()).map(|(event, _)| event)
}

/// At the end: the log from its beginning is what the rounds verified piece by piece.
pub async fn whole_log(theater: &mut Theater) -> Vec<String> {
    let mut faults = Vec::new();
    let anchor = theater.log[0].clone();
    let whole = log_after(theater, &anchor, &mut faults).await;
    if !whole.iter().map(|(id, _)| id).eq(&theater.log[1..]) {
        faults.push(format!("the log has {} events, {} were verified", whole.len(), theater.log.len() - 1));
    }
    faults
}
