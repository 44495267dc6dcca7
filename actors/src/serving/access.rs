//! Which server may ask about which room.

use std::sync::Arc;

use ruma::{RoomId, ServerName};

use super::ServingError;
use crate::{
    Node,
    room::{RoomError, RoomView},
};

/// A room that somebody of this server is in.
///
/// # Errors
/// [`ServingError::NotFound`].
pub(super) async fn our_room(
    node: &Node,
    origin: &ServerName,
    room_id: &RoomId,
) -> Result<Arc<RoomView>, ServingError> {
    match node.rooms().view(room_id).await {
        Ok(view) if view.state.is_server_joined(node.server_name()) => Ok(view),
        Ok(_) | Err(RoomError::UnknownRoom) => Err(ServingError::NotFound(origin.to_owned())),
        Err(error) => Err(error.into()),
    }
}

/// The same, for a server that wants to come in or go.
///
/// # Errors
/// [`ServingError::NotFound`]; [`ServingError::Forbidden`] by the room's access list.
pub(super) async fn room_to_enter(
    node: &Node,
    origin: &ServerName,
    room_id: &RoomId,
) -> Result<Arc<RoomView>, ServingError> {
    let view = our_room(node, origin, room_id).await?;
    if view.state.server_acl().allows(origin) {
        return Ok(view);
    }
    Err(ServingError::Forbidden(format!("{origin} is shut out of the room by its server ACL")))
}

/// The same, for a server that is in the room.
///
/// # Errors
/// [`ServingError::Forbidden`], alike for rooms that do not exist.
pub(super) async fn shared_room(
    node: &Node,
    origin: &ServerName,
    room_id: &RoomId,
) -> Result<Arc<RoomView>, ServingError> {
    let not_shared = || ServingError::Forbidden(format!("{origin} and this server share no such room"));
    let view = match our_room(node, origin, room_id).await {
        Err(ServingError::NotFound(_)) => return Err(not_shared()),
        found => found?,
    };
    let is_in = view.state.is_server_joined(origin) && view.state.server_acl().allows(origin);
    is_in.then_some(view).ok_or_else(not_shared)
}
