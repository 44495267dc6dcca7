//! `POST /_matrix/client/*/rooms/{roomId}/report/{eventId}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidreporteventid>

use playhouse_actors::reports;
use ruma::api::client::room::report_content::v3::{Request, Response};

use crate::{ApiError, Context, IntoReply, client::rooms::reader};

/// Takes a report of an event in a room that the caller has joined.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    let place = (&*request.room_id, &*request.event_id);
    reports::report_event(cx.node(), &reader(&cx), place, request.reason).await?;
    Ok(Response::new())
}
