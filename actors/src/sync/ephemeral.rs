//! Receipts and typing of a room.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::{build::Pass, filter::EventFilter as _};
use crate::room::RoomView;

#[derive(Serialize)]
struct Ephemeral<C> {
    #[serde(rename = "type")]
    kind: &'static str,
    content: C,
}

#[derive(Serialize)]
struct Typing<'a> {
    user_ids: Vec<&'a str>,
}

#[derive(Serialize)]
struct Receipt<'a> {
    ts: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_id: Option<&'a str>,
}

/// Receipts by event, kind and user.
type Receipts<'a> = BTreeMap<&'a str, BTreeMap<&'a str, BTreeMap<&'a str, Receipt<'a>>>>;

/// The ephemeral events of a room that are new since a position.
pub fn of_room(pass: &Pass<'_>, view: &RoomView, since: Option<i64>) -> Vec<Box<RawValue>> {
    let filter = &pass.request.filter.room.ephemeral;
    if !filter.passes_room(&view.room_id) {
        return Vec::new();
    }
    let typing = filter.passes_kind("m.typing").then(|| typing(pass, view, since)).flatten();
    let receipts = filter.passes_kind("m.receipt").then(|| receipts(pass, view, since)).flatten();
    typing.into_iter().chain(receipts).collect()
}

fn typing(pass: &Pass<'_>, view: &RoomView, since: Option<i64>) -> Option<Box<RawValue>> {
    let typing = &view.typing;
    let is_new = since.map_or(!typing.users.is_empty(), |since| typing.pos > since);
    if !is_new {
        return None;
    }
    let seen = typing.users.iter().filter(|(user, _)| !pass.data.ignores(user));
    let user_ids = seen.map(|(user, _)| user.as_str()).collect();
    to_raw_value(&Ephemeral { kind: "m.typing", content: Typing { user_ids } }).ok()
}

fn receipts(pass: &Pass<'_>, view: &RoomView, since: Option<i64>) -> Option<Box<RawValue>> {
    let mut content = Receipts::new();
    for (_, key) in view.receipts_by_pos.range(since.map_or(i64::MIN, |since| since + 1)..) {
        let (user, kind, thread) = key;
        let own = user == pass.request.user.as_str();
        let ignored = <&ruma::UserId>::try_from(user.as_str()).is_ok_and(|user| pass.data.ignores(user));
        if (kind == "m.read.private" && !own) || ignored {
            continue;
        }
        let Some(receipt) = view.receipts.get(key) else { continue };
        let thread_id = (!thread.is_empty()).then_some(thread.as_str());
        content
            .entry(&receipt.event_id)
            .or_default()
            .entry(kind)
            .or_default()
            .entry(user)
            // An unthreaded receipt wins over a threaded one for the same event (MSC4102).
            .and_modify(|present| {
                if thread_id.is_none() {
                    present.thread_id = None;
                }
            })
            .or_insert(Receipt { ts: receipt.ts, thread_id });
    }
    if content.is_empty() {
        return None;
    }
    to_raw_value(&Ephemeral { kind: "m.receipt", content }).ok()
}
