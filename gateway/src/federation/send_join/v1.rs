//! `PUT /_matrix/federation/v1/send_join/{roomId}/{eventId}`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1send_joinroomideventid>

use playhouse_actors::serving::{SentJoin, send_join};
use ruma::{OwnedEventId, OwnedRoomId, api::federation::membership::create_join_event::v2};

use crate::{ApiError, Context, Origin, client::loose::Loose, federation::v1_path::request_at, reply::Json};

request_at!(v2::Request, "/_matrix/federation/v1/send_join/{room_id}/{event_id}");

/// Takes the join of a user of another server in, and answers the room.
pub async fn handler(
    cx: Context<Origin>,
    request: Loose<Request>,
) -> Result<Json<(u16, SentJoin)>, ApiError> {
    let (room_id, event_id): (OwnedRoomId, OwnedEventId) = request.path()?;
    let event = cx.request.body_as()?;
    let sent = send_join(cx.node(), &cx.caller.0, &room_id, &event_id, event).await?;
    Ok(Json((200, sent)))
}
