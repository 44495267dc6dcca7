//! `PUT /_matrix/federation/v1/send_leave/{roomId}/{eventId}`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1send_leaveroomideventid>

use playhouse_actors::serving::send_leave;
use ruma::{OwnedEventId, OwnedRoomId, api::federation::membership::create_leave_event::v2};
use serde_json::{Map, Value};

use crate::{ApiError, Context, Origin, client::loose::Loose, federation::v1_path::request_at, reply::Json};

request_at!(v2::Request, "/_matrix/federation/v1/send_leave/{room_id}/{event_id}");

/// Takes the leave of a user of another server in.
pub async fn handler(
    cx: Context<Origin>,
    request: Loose<Request>,
) -> Result<Json<(u16, Map<String, Value>)>, ApiError> {
    let (room_id, event_id): (OwnedRoomId, OwnedEventId) = request.path()?;
    let event = cx.request.body_as()?;
    send_leave(cx.node(), &cx.caller.0, &room_id, &event_id, event).await?;
    Ok(Json((200, Map::new())))
}
