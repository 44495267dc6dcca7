//! `PUT /_matrix/client/*/rooms/{roomId}/typing/{userId}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidtypinguserid>

use playhouse_actors::typing::set_typing;
use ruma::{
    OwnedRoomId, OwnedUserId,
    api::client::typing::create_typing_event::v3::{Request, Response},
};
use serde::Deserialize;

use crate::{ApiError, Context, IntoReply, client::loose::Loose};

/// How long a notice holds where the client does not say.
const DEFAULT_MS: u64 = 30_000;
/// How long a notice holds at most, whatever the client says.
const MOST_MS: u64 = 120_000;

#[derive(Debug, Deserialize)]
struct Body {
    typing: bool,
    timeout: Option<u64>,
}

/// Says that the caller types in a room, or stopped.
pub async fn handler(cx: Context, request: Loose<Request>) -> Result<impl IntoReply, ApiError> {
    let (room_id, user_id): (OwnedRoomId, OwnedUserId) = request.path()?;
    cx.must_be(&user_id)?;
    let body: Body = cx.request.body_as()?;
    let node = cx.node();
    let until_ms =
        body.typing.then(|| node.clocks().now_ms() + body.timeout.unwrap_or(DEFAULT_MS).min(MOST_MS));
    set_typing(node, cx.user_id(), &room_id, until_ms).await?;
    Ok(Response::new())
}
