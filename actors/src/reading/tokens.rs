//! Places in a room, from the tokens of syncs and pages.

use crate::{
    Node,
    room::{RoomError, RoomView},
    timeline::page::{Gap, gap_after},
};

/// The place in a room that a token names: one of a page, or one of a sync. `None` if it is neither.
///
/// # Errors
/// When the store does not answer.
pub async fn place(node: &Node, view: &RoomView, token: &str) -> Result<Option<Gap>, RoomError> {
    if let Some(gap) = Gap::decode(token) {
        return Ok(Some(gap));
    }
    let Ok(token) = node.tokens().decode(token) else { return Ok(None) };
    let pos = token.delivered(&node.tokens().stream_key(view.room_id.as_str()));
    gap_after(node.store(), view, pos).await.map(Some)
}
