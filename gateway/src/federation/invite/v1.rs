//! `PUT /_matrix/federation/v1/invite/{roomId}/{eventId}`
//!
//! Of servers that know no `v2`: the body is the event itself, in a room of version 1 or 2.
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1inviteroomideventid>

use ruma::{
    OwnedEventId, OwnedRoomId, RoomVersionId, api::federation::membership::create_invite::v1::Request,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::invited;
use crate::{ApiError, Context, Origin, client::loose::Loose, reply::Json};

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    unsigned: Unsigned,
}

#[derive(Default, Deserialize)]
struct Unsigned {
    #[serde(default)]
    invite_room_state: Vec<Box<RawValue>>,
}

/// The invite with our signature.
#[derive(Debug, Serialize)]
pub struct Signed {
    event: Box<RawValue>,
}

/// Takes an invite of a user of ours.
pub async fn handler(cx: Context<Origin>, request: Loose<Request>) -> Result<Json<(u16, Signed)>, ApiError> {
    let (room_id, event_id): (OwnedRoomId, OwnedEventId) = request.path()?;
    let event: Box<RawValue> = cx.request.body_as()?;
    let Body { unsigned } = cx.request.body_as()?;
    let described = unsigned.invite_room_state;
    let event = invited(&cx, &room_id, &event_id, &RoomVersionId::V1, event, described).await?;
    Ok(Json((200, Signed { event })))
}
