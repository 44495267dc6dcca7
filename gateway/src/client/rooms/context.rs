//! `GET /_matrix/client/*/rooms/{roomId}/context/{eventId}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidcontexteventid>

use playhouse_actors::reading;
use ruma::{OwnedEventId, OwnedRoomId, UInt, api::client::context::get_context::v3::Request};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{filter, reader};
use crate::{ApiError, Context, IntoReply, Json, client::loose::Loose};

/// Events around one where the client names no number.
const DEFAULT_LIMIT: u64 = 10;

#[derive(Debug, Deserialize)]
struct Query {
    limit: Option<UInt>,
    filter: Option<String>,
}

#[derive(Debug, Serialize)]
struct Answer {
    start: String,
    end: String,
    event: Box<RawValue>,
    events_before: Vec<Box<RawValue>>,
    events_after: Vec<Box<RawValue>>,
    state: Vec<Box<RawValue>>,
}

/// Shows an event with what stood around it.
pub async fn handler(cx: Context, request: Loose<Request>) -> Result<impl IntoReply, ApiError> {
    let (room_id, event_id): (OwnedRoomId, OwnedEventId) = request.path()?;
    let query: Query = request.query()?;
    let filter = filter(query.filter.as_deref())?;
    let limit = query.limit.map_or(DEFAULT_LIMIT, u64::from);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let around = reading::around(cx.node(), &reader(&cx), &room_id, &event_id, limit, &filter).await?;
    let around = around.ok_or_else(|| ApiError::not_found("Event not found."))?;
    Ok(Json(Answer {
        start: around.start.encode(),
        end: around.end.encode(),
        event: around.event,
        events_before: around.before,
        events_after: around.after,
        state: around.state,
    }))
}
