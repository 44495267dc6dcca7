//! `PUT /_matrix/federation/v2/send_leave/{roomId}/{eventId}`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_leaveroomideventid>

use playhouse_actors::serving::send_leave;
use ruma::{OwnedEventId, OwnedRoomId, api::federation::membership::create_leave_event::v2::Request};
use serde_json::{Map, Value};

use crate::{ApiError, Context, Origin, client::loose::Loose, reply::Json};

/// Takes the leave of a user of another server in.
pub async fn handler(
    cx: Context<Origin>,
    request: Loose<Request>,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let (room_id, event_id): (OwnedRoomId, OwnedEventId) = request.path()?;
    let event = cx.request.body_as()?;
    send_leave(cx.node(), &cx.caller.0, &room_id, &event_id, event).await?;
    Ok(Json(Map::new()))
}
