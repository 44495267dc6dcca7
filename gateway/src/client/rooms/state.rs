//! `GET /_matrix/client/*/rooms/{roomId}/state`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidstate>

pub mod get;
pub mod put;

use playhouse_actors::reading::Reading;
use ruma::api::client::state::get_state_events::v3::Request;
use serde_json::value::RawValue;

use super::reader;
use crate::{ApiError, Context, IntoReply, Json};

/// Where the state of a type with an empty key is, besides at the path with a key.
pub const WITHOUT_KEY: [&str; 4] = [
    "/_matrix/client/r0/rooms/{room_id}/state/{event_type}",
    "/_matrix/client/r0/rooms/{room_id}/state/{event_type}/",
    "/_matrix/client/v3/rooms/{room_id}/state/{event_type}",
    "/_matrix/client/v3/rooms/{room_id}/state/{event_type}/",
];

/// Shows the whole state of a room, as it is or as it was when the caller left.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    let reading = Reading::open(cx.node(), &request.room_id, cx.user_id()).await?;
    let snapshot = reading.snapshot(cx.node(), None).await?;
    let reader = reader(&cx);
    let state: Vec<Box<RawValue>> = snapshot.state.iter().map(|pdu| snapshot.render(&reader, pdu)).collect();
    Ok(Json(state))
}
