//! `GET /_matrix/federation/v1/event_auth/{roomId}/{eventId}`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1event_authroomideventid>

use playhouse_actors::serving::event_auth;
use ruma::{OwnedEventId, OwnedRoomId, api::federation::authorization::get_event_authorization::v1::Request};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{ApiError, Context, Origin, client::loose::Loose, reply::Json};

/// What the event cites.
#[derive(Debug, Serialize)]
pub struct Answer {
    auth_chain: Vec<Box<RawValue>>,
}

/// Answers what an event cites, directly or not.
pub async fn handler(cx: Context<Origin>, request: Loose<Request>) -> Result<Json<Answer>, ApiError> {
    let (room_id, event_id): (OwnedRoomId, OwnedEventId) = request.path()?;
    let auth_chain = event_auth(cx.node(), &cx.caller.0, &room_id, &event_id).await?;
    Ok(Json(Answer { auth_chain }))
}
