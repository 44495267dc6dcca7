//! Who types, as clients say it.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#typing-notifications>

use ruma::{RoomId, UserId};

use crate::{Node, room::RoomError};

/// Says that a member of a room types until a time, or stopped: here, and to the other servers in the room.
///
/// # Errors
/// [`RoomError::Forbidden`] for who is not in the room.
pub async fn set_typing(
    node: &Node,
    user: &UserId,
    room_id: &RoomId,
    until_ms: Option<u64>,
) -> Result<(), RoomError> {
    let view = node.rooms().view_for_member(room_id, user).await?;
    node.rooms().handle(room_id).set_typing(user, until_ms).await?;
    if let Some(outbound) = node.outbound() {
        outbound.send_typing(&view, user, until_ms.is_some());
    }
    Ok(())
}
