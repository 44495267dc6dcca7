//! `GET /_matrix/federation/v1/backfill/{roomId}`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1backfillroomid>

use playhouse_actors::serving;
use ruma::{OwnedEventId, OwnedRoomId, api::federation::backfill::get_backfill::v1::Request};
use serde::Deserialize;

use super::event_list::EventList;
use crate::{ApiError, Context, Origin, client::loose::Loose, reply::Json};

#[derive(Deserialize)]
struct Query {
    /// The events to go back from.
    v: Vec<OwnedEventId>,
    limit: usize,
}

/// Answers a piece of a room's history.
pub async fn handler(cx: Context<Origin>, request: Loose<Request>) -> Result<Json<EventList>, ApiError> {
    let (room_id,): (OwnedRoomId,) = request.path()?;
    let Query { v, limit } = request.query()?;
    let events = serving::backfill(cx.node(), &cx.caller.0, &room_id, &v, limit).await?;
    Ok(Json(EventList::now(&cx, events)))
}
