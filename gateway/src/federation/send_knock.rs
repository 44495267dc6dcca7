//! `PUT /_matrix/federation/v1/send_knock/{roomId}/{eventId}`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1send_knockroomideventid>

use playhouse_actors::serving::send_knock;
use ruma::{OwnedEventId, OwnedRoomId, api::federation::membership::create_knock_event::v1::Request};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{ApiError, Context, Origin, client::loose::Loose, reply::Json};

/// What describes the room.
#[derive(Debug, Serialize)]
pub struct Answer {
    knock_room_state: Vec<Box<RawValue>>,
}

/// Takes the knock of a user of another server in.
pub async fn handler(cx: Context<Origin>, request: Loose<Request>) -> Result<Json<Answer>, ApiError> {
    let (room_id, event_id): (OwnedRoomId, OwnedEventId) = request.path()?;
    let event = cx.request.body_as()?;
    let knock_room_state = send_knock(cx.node(), &cx.caller.0, &room_id, &event_id, event).await?;
    Ok(Json(Answer { knock_room_state }))
}
