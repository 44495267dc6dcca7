//! Receipts and read markers: how far somebody has read.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#receipts>

mod thread;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use playhouse_storage::tables::receipt::ReceiptRow;
use ruma::{EventId, OwnedEventId, RoomId, UserId};
use serde::Deserialize;
use serde_json::value::to_raw_value;

use crate::{
    Node,
    room::{RoomError, RoomEvent, RoomView},
    timeline::find,
    user::UserError,
};

pub use thread::Thread;

/// The type of the account data that holds the fully-read marker.
const FULLY_READ: &str = "m.fully_read";

/// Who gets to see a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptKind {
    /// Everybody in the room.
    Public,
    /// The reader alone.
    Private,
}

impl ReceiptKind {
    /// The type as the specification names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "m.read",
            Self::Private => "m.read.private",
        }
    }
}

/// Why a receipt was not set.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReceiptError {
    /// There is no such event in the room.
    #[error("there is no such event in this room")]
    UnknownEvent,
    /// The event is in another thread.
    #[error("the event is not in this thread")]
    OtherThread,
    /// The room's own answer.
    #[error(transparent)]
    Room(#[from] RoomError),
    /// The answer of the user's stream.
    #[error(transparent)]
    User(#[from] UserError),
}

/// Sets a receipt; durable on return. One that is older than what stands changes nothing.
///
/// # Errors
/// [`ReceiptError`].
pub async fn set_receipt(
    node: &Node,
    user: &UserId,
    room_id: &RoomId,
    kind: ReceiptKind,
    event_id: &EventId,
    thread: &Thread,
) -> Result<(), ReceiptError> {
    let (view, event) = event_of(node, user, room_id, event_id).await?;
    if !thread::holds(node.store(), &view, thread, &event).await? {
        return Err(ReceiptError::OtherThread);
    }
    let key = (user.to_string(), kind.name().to_owned(), thread.name().to_owned());
    // The room issues the position.
    let row =
        ReceiptRow { event_id: event_id.to_string(), seq: event.seq, ts: node.clocks().now_ms(), pos: 0 };
    node.rooms().handle(room_id).set_receipt(key, row).await?;
    let is_for_others = kind == ReceiptKind::Public && user.server_name() == node.server_name();
    if let Some(outbound) = node.outbound().filter(|_| is_for_others) {
        let thread = Some(thread.name()).filter(|name| !name.is_empty());
        outbound.send_receipt(&view, user, event_id, thread);
    }
    Ok(())
}

/// Moves the fully-read marker forward; durable on return. It never goes back.
///
/// <https://spec.matrix.org/v1.19/client-server-api/#fully-read-markers>
///
/// # Errors
/// [`ReceiptError`].
pub async fn set_fully_read(
    node: &Node,
    user: &UserId,
    room_id: &RoomId,
    event_id: &EventId,
) -> Result<(), ReceiptError> {
    let (view, event) = event_of(node, user, room_id, event_id).await?;
    if fully_read(node, user, &view).await?.is_some_and(|standing| standing >= event.seq) {
        return Ok(());
    }
    let content = to_raw_value(&serde_json::json!({ "event_id": event_id }));
    let content = content.map_err(|error| RoomError::BadEvent(error.to_string()))?;
    Ok(node.users().handle(user).set_account_data(Some(room_id), FULLY_READ, content).await?)
}

/// The log row of the event that the marker is at.
async fn fully_read(node: &Node, user: &UserId, view: &RoomView) -> Result<Option<i64>, ReceiptError> {
    #[derive(Deserialize)]
    struct Content {
        event_id: OwnedEventId,
    }
    let data = node.users().feed(user).await?.data();
    let content = data.account_data(view.room_id.as_str(), FULLY_READ);
    let Some(content) = content.and_then(|raw| serde_json::from_str::<Content>(raw.get()).ok()) else {
        return Ok(None);
    };
    let event = find::event(node.store(), view, &content.event_id).await?;
    Ok(event.map(|event| event.seq))
}

/// An event of a room that the user is in.
async fn event_of(
    node: &Node,
    user: &UserId,
    room_id: &RoomId,
    event_id: &EventId,
) -> Result<(Arc<RoomView>, Arc<RoomEvent>), ReceiptError> {
    let view = node.rooms().view_for_member(room_id, user).await?;
    let event = find::event(node.store(), &view, event_id).await?;
    let event = event.filter(|event| event.is_visible()).ok_or(ReceiptError::UnknownEvent)?;
    Ok((view, event))
}
