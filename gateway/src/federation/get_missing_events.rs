//! `POST /_matrix/federation/v1/get_missing_events/{roomId}`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1get_missing_eventsroomid>

use playhouse_actors::serving::{MissingEvents, missing_events};
use ruma::{OwnedEventId, OwnedRoomId, api::federation::event::get_missing_events::v1::Request};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{ApiError, Context, Origin, client::loose::Loose, reply::Json};

#[derive(Deserialize)]
struct Body {
    earliest_events: Vec<OwnedEventId>,
    latest_events: Vec<OwnedEventId>,
    #[serde(default = "ten")]
    limit: usize,
    #[serde(default)]
    min_depth: u64,
}

const fn ten() -> usize {
    10
}

/// The events of the gap.
#[derive(Debug, Serialize)]
pub struct Answer {
    events: Vec<Box<RawValue>>,
}

/// Answers what lies between events that a server has and events that it got.
pub async fn handler(cx: Context<Origin>, request: Loose<Request>) -> Result<Json<Answer>, ApiError> {
    let (room_id,): (OwnedRoomId,) = request.path()?;
    let Body { earliest_events, latest_events, limit, min_depth } = cx.request.body_as()?;
    let gap = MissingEvents { earliest: earliest_events, latest: latest_events, min_depth, limit };
    let events = missing_events(cx.node(), &cx.caller.0, &room_id, gap).await?;
    Ok(Json(Answer { events }))
}
