//! Sending events into a room: messages, state, redactions, each by the rules that need more than the room itself.
//!
//! | File | Holds |
//! |---|---|
//! | `redaction` | what is redacted by whom |
//! | `state` | state events, and those of them that have rules of their own |
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#sending-events-to-a-room>

mod error;
mod redaction;
mod state;

#[cfg(test)]
mod tests;

use playhouse_storage::tables::room_log::Transaction;
use ruma::{DeviceId, OwnedEventId, RoomId, UserId, events::TimelineEventType};
use serde_json::value::RawValue;

use crate::{
    Node,
    room::{RoomError, message::SendEvent},
};

pub use error::SendError;
pub use redaction::redact;
pub use state::set_state;

/// The longest transaction id, in bytes.
const MAX_TRANSACTION_ID_BYTES: usize = 255;

/// Who sends, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    /// The user.
    pub user: &'a UserId,
    /// The device: transaction ids are its own.
    pub device: &'a DeviceId,
    /// Whether the user is suspended, and so may do little more than take back.
    pub is_suspended: bool,
}

impl Sender<'_> {
    /// What makes a repeated request the same.
    fn transaction(&self, path: String, id: &str) -> Result<Transaction, SendError> {
        if id.len() > MAX_TRANSACTION_ID_BYTES {
            return Err(SendError::TransactionIdTooLong);
        }
        Ok(Transaction {
            user: self.user.to_string(),
            device: self.device.to_string(),
            path,
            id: id.to_owned(),
        })
    }
}

/// Sends a message event. The same transaction again answers the same event.
///
/// <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid>
///
/// # Errors
/// [`SendError`].
pub async fn send_message(
    node: &Node,
    sender: Sender<'_>,
    room_id: &RoomId,
    kind: &str,
    transaction_id: &str,
    content: Box<RawValue>,
) -> Result<OwnedEventId, SendError> {
    let transaction = sender.transaction(format!("send/{kind}"), transaction_id)?;
    if kind == "m.room.redaction" {
        return redaction::send(node, sender, room_id, transaction, &content).await;
    }
    if sender.is_suspended {
        return Err(SendError::Suspended);
    }
    let request = SendEvent {
        sender: sender.user.to_owned(),
        kind: TimelineEventType::from(kind),
        state_key: None,
        content,
        redacts: None,
        transaction: Some(transaction),
    };
    Ok(node.rooms().handle(room_id).send(request).await.map_err(RoomError::hiding_unknown_room)?)
}
