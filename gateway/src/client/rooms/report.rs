//! `POST /_matrix/client/v3/rooms/{roomId}/report`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidreport>

pub mod event;

use playhouse_actors::reports;
use ruma::api::client::room::report_room::v3::{Request, Response};

use crate::{ApiError, Context, IntoReply};

/// Takes a report of a room. Who reports it need not be in it.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    reports::report_room(cx.node(), cx.user_id(), &request.room_id, request.reason).await?;
    Ok(Response::new())
}
