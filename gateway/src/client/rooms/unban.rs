//! `POST /_matrix/client/*/rooms/{roomId}/unban`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidunban>

use playhouse_actors::joining::{self, Measure, Said};
use ruma::api::client::membership::unban_user::v3::{Request, Response};

use crate::{ApiError, Context, IntoReply};

/// Lifts a user's ban from a room.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    let said = Said { reason: request.reason, ..Said::default() };
    joining::moderate(cx.node(), cx.user_id(), &request.user_id, &request.room_id, Measure::Unban, said)
        .await?;
    Ok(Response::new())
}
