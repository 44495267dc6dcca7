//! `PUT /_matrix/federation/v2/invite/{roomId}/{eventId}`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2inviteroomideventid>

use ruma::{
    OwnedEventId, OwnedRoomId, RoomVersionId,
    api::federation::membership::create_invite::v2::{Request, Response},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::invited;
use crate::{ApiError, Context, Origin, client::loose::Loose};

#[derive(Deserialize)]
struct Body {
    room_version: RoomVersionId,
    event: Box<RawValue>,
    #[serde(default)]
    invite_room_state: Vec<Box<RawValue>>,
}

/// Takes an invite of a user of ours.
pub async fn handler(cx: Context<Origin>, request: Loose<Request>) -> Result<Response, ApiError> {
    let (room_id, event_id): (OwnedRoomId, OwnedEventId) = request.path()?;
    let Body { room_version, event, invite_room_state } = cx.request.body_as()?;
    let event = invited(&cx, &room_id, &event_id, &room_version, event, invite_room_state).await?;
    Ok(Response::new(event))
}
