//! A transaction's events and news, read from the store.

use std::{collections::BTreeMap, ops::Bound};

use playhouse_storage::{IntoKey as _, Order, Slice, tables::OutboundEdu};
use ruma::{CanonicalJsonValue, OwnedRoomId};
use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};

use super::{
    Outbound,
    backlog::{ReadUpTo, ReceiptOf, Taken},
    destination::Destination,
};
use crate::{
    clock::slot_of,
    inbound::MOST_EDUS,
    room::{RoomError, load::read_rows},
};

/// What is sent.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Events, as they were signed.
    pub pdus: Vec<Box<RawValue>>,
    /// News.
    pub edus: Vec<Box<RawValue>>,
    /// The rows of the news that must not be lost.
    pub durable: Vec<i64>,
    /// Whether there are more such rows.
    pub has_more: bool,
}

impl Outbound {
    /// Reads what was taken from a backlog.
    ///
    /// # Errors
    /// When the store does not answer. A room that cannot be read is left out.
    pub(super) async fn read(&self, destination: &Destination, taken: &Taken) -> Result<Batch, RoomError> {
        let mut batch = Batch { pdus: self.read_events(taken).await?, ..Batch::default() };
        batch.edus.extend(typing(taken));
        batch.edus.extend(receipts(&taken.receipts));
        batch.edus.truncate(MOST_EDUS / 2 + 1);
        if taken.has_durable {
            self.read_durable(destination, &mut batch).await?;
        }
        Ok(batch)
    }

    async fn read_events(&self, taken: &Taken) -> Result<Vec<Box<RawValue>>, RoomError> {
        let mut of_room: BTreeMap<&OwnedRoomId, Vec<i64>> = BTreeMap::new();
        for ((_, room_id), seq) in &taken.events {
            of_room.entry(room_id).or_default().push(*seq);
        }
        let mut found: BTreeMap<(i64, &OwnedRoomId), Box<RawValue>> = BTreeMap::new();
        for (room_id, seqs) in of_room {
            let view = match self.rooms.view(room_id).await {
                Ok(view) => view,
                Err(error @ RoomError::Unavailable { .. }) => return Err(error),
                Err(error) => {
                    tracing::warn!(%room_id, %error, "events of a room cannot be sent");
                    continue;
                }
            };
            // The newest are in memory, and perhaps not in the rows yet.
            let (recent, old): (Vec<i64>, Vec<i64>) =
                seqs.into_iter().partition(|seq| *seq >= view.tail_start());
            for event in view.tail.iter().filter(|event| recent.contains(&event.seq)) {
                found.insert((event.pos, room_id), event.pdu.json().to_owned());
            }
            for event in read_rows(&self.store, view.version, room_id, &old).await? {
                found.insert((event.pos, room_id), event.pdu.json().to_owned());
            }
        }
        Ok(found.into_values().collect())
    }

    async fn read_durable(&self, destination: &Destination, batch: &mut Batch) -> Result<(), RoomError> {
        let prefix = (destination.server.as_str(),).to_key();
        let slice = Slice {
            from: Bound::Included(prefix.clone()),
            to: Bound::Included(prefix),
            order: Order::Forward,
            limit: MOST_EDUS - batch.edus.len(),
        };
        let slot = slot_of(destination.server.as_str()) as i64;
        let (rows, has_more) = self.store.slice::<OutboundEdu>((slot,), slice).await?;
        batch.has_more = has_more;
        for ((_, stamp), row) in rows {
            batch.durable.push(stamp);
            batch.edus.push(row.edu);
        }
        Ok(())
    }
}

fn typing(taken: &Taken) -> impl Iterator<Item = Box<RawValue>> {
    taken.typing.iter().filter_map(|((room_id, user), typing)| {
        let content = json!({ "room_id": room_id, "user_id": user, "typing": typing });
        edu("m.typing", &content)
    })
}

/// One EDU for all receipts: `m.receipt` holds as many as one likes, but only one of a user in a room. Those for several
/// threads go into one EDU each.
fn receipts(receipts: &[(ReceiptOf, ReadUpTo)]) -> Vec<Box<RawValue>> {
    let mut contents: Vec<BTreeMap<&str, Value>> = Vec::new();
    for ((room_id, user, thread), read) in receipts {
        let mut data = json!({ "ts": read.ts });
        if let Some(thread) = thread {
            data["thread_id"] = thread.as_str().into();
        }
        let receipt = json!({ "event_ids": [read.event_id], "data": data });
        let is_free = |content: &BTreeMap<&str, Value>| {
            content.get(room_id.as_str()).is_none_or(|room| room["m.read"].get(user.as_str()).is_none())
        };
        let at = contents.iter().position(is_free).unwrap_or_else(|| {
            contents.push(BTreeMap::new());
            contents.len() - 1
        });
        let room = contents[at].entry(room_id.as_str()).or_insert_with(|| json!({ "m.read": {} }));
        room["m.read"][user.as_str()] = receipt;
    }
    contents.iter().filter_map(|content| edu("m.receipt", content)).collect()
}

/// An EDU as it is sent; `None` for what is no canonical JSON, which would keep a whole transaction from being signed.
pub(super) fn edu(kind: &str, content: &impl serde::Serialize) -> Option<Box<RawValue>> {
    let edu = CanonicalJsonValue::try_from(json!({ "edu_type": kind, "content": content })).ok()?;
    to_raw_value(&edu).ok()
}
