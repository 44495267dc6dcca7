//! `GET /_matrix/client/*/rooms/{roomId}/state/{eventType}/{stateKey}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidstateeventtypestatekey>

use playhouse_actors::reading::Reading;
use ruma::api::client::state::get_state_event_for_key::v3::{Request, StateEventFormat};

use crate::{ApiError, Context, IntoReply, Json, client::rooms::reader};

/// Shows one state event, as it is or as it was when the caller left.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    let whole = match request.format {
        StateEventFormat::Content => false,
        StateEventFormat::Event => true,
        other => return Err(ApiError::invalid_param(format!("{other} is no format"))),
    };
    let kind = request.event_type.to_string();
    let reading = Reading::open(cx.node(), &request.room_id, cx.user_id()).await?;
    let event = reading.state_event(cx.node(), &reader(&cx), (&kind, &request.state_key), whole).await?;
    event.map(Json).ok_or_else(|| ApiError::not_found("The room has no such state"))
}
