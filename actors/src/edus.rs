//! Passing news of other servers ("EDUs").
//!
//! | File | Holds |
//! |---|---|
//! | `to_device` | messages to devices; durable, each once |
//! | `key_change` | that devices or keys of a user changed; durable |
//! | `receipt`, `early_receipts` | how far somebody has read |
//! | `typing` | who types |
//!
//! What is malformed, of another server's users, or about a room that the sender is not in, is left out and harms nothing
//! else. What is of an unknown type is ignored.
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#edus>

mod early_receipts;
mod key_change;
mod receipt;
mod to_device;
mod typing;

use ruma::{RoomId, ServerName, UserId};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Node, room::RoomError};
pub(crate) use early_receipts::{EarlyReceipts, try_again as try_receipts_again};
use key_change::ChangedUsers;

/// An EDU as it comes.
#[derive(Deserialize)]
struct Edu {
    edu_type: String,
    content: Box<RawValue>,
}

/// Takes the EDUs of a transaction of `origin` in.
///
/// # Errors
/// What must not be lost cannot be kept now: the transaction is to be sent again.
pub async fn receive(node: &Node, origin: &ServerName, edus: Vec<Box<RawValue>>) -> Result<(), RoomError> {
    let mut changed = ChangedUsers::default();
    for edu in edus {
        let Ok(Edu { edu_type, content }) = serde_json::from_str(edu.get()) else { continue };
        match edu_type.as_str() {
            "m.direct_to_device" => to_device::receive(node, origin, &content).await?,
            "m.device_list_update" | "m.signing_key_update" => changed.note(origin, &content),
            "m.receipt" => receipt::receive(node, origin, &content).await,
            "m.typing" => typing::receive(node, origin, &content).await,
            _ => {}
        }
    }
    changed.tell(node).await
}

/// Whether `origin` may say something about one of its users in a room: the user is in the room, and the room lets the server
/// take part.
async fn may_tell(node: &Node, origin: &ServerName, room_id: &RoomId, user: &UserId) -> bool {
    if user.server_name() != origin {
        return false;
    }
    let view = node.rooms().view(room_id).await;
    view.is_ok_and(|view| view.state.is_joined(user) && view.state.server_acl().allows(origin))
}
