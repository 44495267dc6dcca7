//! `GET /_matrix/federation/v1/state_ids/{roomId}`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1state_idsroomid>

use playhouse_actors::serving;
use ruma::{OwnedEventId, OwnedRoomId, api::federation::event::get_room_state_ids::v1::Request};
use serde::{Deserialize, Serialize};

use crate::{ApiError, Context, Origin, client::loose::Loose, reply::Json};

#[derive(Deserialize)]
struct Query {
    event_id: OwnedEventId,
}

/// The state, and what it cites.
#[derive(Debug, Serialize)]
pub struct Answer {
    pdu_ids: Vec<OwnedEventId>,
    auth_chain_ids: Vec<OwnedEventId>,
}

/// Answers the state of a room before an event, as ids.
pub async fn handler(cx: Context<Origin>, request: Loose<Request>) -> Result<Json<Answer>, ApiError> {
    let (room_id,): (OwnedRoomId,) = request.path()?;
    let Query { event_id } = request.query()?;
    let served = serving::state_ids(cx.node(), &cx.caller.0, &room_id, &event_id).await?;
    Ok(Json(Answer { pdu_ids: served.state, auth_chain_ids: served.auth_chain }))
}
