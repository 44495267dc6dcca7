//! How far somebody has read.
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#receipts>

use std::collections::BTreeMap;

use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, ServerName};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    early_receipts::{RemoteReceipt, show},
    may_tell,
};
use crate::{Node, receipts::Thread};

/// The most receipts of one EDU.
const MOST_RECEIPTS: usize = 1_000;

/// By room, kind and user.
type Content = BTreeMap<OwnedRoomId, BTreeMap<String, BTreeMap<OwnedUserId, Receipt>>>;

#[derive(Deserialize)]
struct Receipt {
    event_ids: Vec<OwnedEventId>,
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
struct Data {
    thread_id: Option<String>,
}

pub(super) async fn receive(node: &Node, origin: &ServerName, content: &RawValue) {
    let Ok(rooms) = serde_json::from_str::<Content>(content.get()) else { return };
    let public =
        rooms.into_iter().filter_map(|(room_id, mut kinds)| Some((room_id, kinds.remove("m.read")?)));
    let all = public.flat_map(|(room_id, users)| {
        users.into_iter().map(move |(user, receipt)| (room_id.clone(), user, receipt))
    });
    for (room_id, user, receipt) in all.take(MOST_RECEIPTS) {
        let Some(thread) = thread_of(receipt.data.thread_id.as_deref()) else { continue };
        // > The extremity event IDs that the user has read up to. [...] This should only be 1 event ID.
        let Some(event_id) = receipt.event_ids.into_iter().next_back() else { continue };
        if may_tell(node, origin, &room_id, &user).await {
            show(node, RemoteReceipt { room_id, user, event_id, thread }).await;
        }
    }
}

fn thread_of(thread_id: Option<&str>) -> Option<Thread> {
    match thread_id {
        None => Some(Thread::Unthreaded),
        Some(thread_id) => Thread::parse(thread_id),
    }
}
