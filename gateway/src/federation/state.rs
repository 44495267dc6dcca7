//! `GET /_matrix/federation/v1/state/{roomId}`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1stateroomid>

use playhouse_actors::serving;
use ruma::{OwnedEventId, OwnedRoomId, api::federation::event::get_room_state::v1::Request};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{ApiError, Context, Origin, client::loose::Loose, reply::Json};

#[derive(Deserialize)]
struct Query {
    event_id: OwnedEventId,
}

/// The state, and what it cites.
#[derive(Debug, Serialize)]
pub struct Answer {
    pdus: Vec<Box<RawValue>>,
    auth_chain: Vec<Box<RawValue>>,
}

/// Answers the state of a room before an event, as whole events.
pub async fn handler(cx: Context<Origin>, request: Loose<Request>) -> Result<Json<Answer>, ApiError> {
    let (room_id,): (OwnedRoomId,) = request.path()?;
    let Query { event_id } = request.query()?;
    let served = serving::state(cx.node(), &cx.caller.0, &room_id, &event_id).await?;
    Ok(Json(Answer { pdus: served.state, auth_chain: served.auth_chain }))
}
