//! `GET /_matrix/client/*/rooms/{roomId}/event/{eventId}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomideventeventid>

use playhouse_actors::reading;
use ruma::api::client::room::get_room_event::v3::Request;

use super::reader;
use crate::{ApiError, Context, IntoReply, Json};

/// Shows one event. One that the caller may not see is like none.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    let event = reading::event(cx.node(), &reader(&cx), &request.room_id, &request.event_id).await?;
    event.map(Json).ok_or_else(|| ApiError::not_found("Event not found."))
}
