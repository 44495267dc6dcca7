//! Who types.
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#typing-notifications>

use ruma::{OwnedRoomId, OwnedUserId, ServerName};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::may_tell;
use crate::Node;

/// How long a notice holds that is not renewed: servers repeat it more often than that.
const HOLDS_MS: u64 = 60_000;

#[derive(Deserialize)]
struct Content {
    room_id: OwnedRoomId,
    user_id: OwnedUserId,
    typing: bool,
}

pub(super) async fn receive(node: &Node, origin: &ServerName, content: &RawValue) {
    let Ok(Content { room_id, user_id, typing }) = serde_json::from_str(content.get()) else { return };
    if !may_tell(node, origin, &room_id, &user_id).await {
        return;
    }
    let until_ms = typing.then(|| node.clocks().now_ms() + HOLDS_MS);
    if let Err(error) = node.rooms().handle(&room_id).set_typing(&user_id, until_ms).await {
        tracing::debug!(%room_id, %error, "a typing notice is not shown");
    }
}
