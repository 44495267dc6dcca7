//! `POST /_matrix/client/*/rooms/{roomId}/kick`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidkick>

use playhouse_actors::joining::{self, Measure, Said};
use ruma::api::client::membership::kick_user::v3::{Request, Response};

use crate::{ApiError, Context, IntoReply};

/// Removes a user from a room.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    let said = Said { reason: request.reason, ..Said::default() };
    joining::moderate(cx.node(), cx.user_id(), &request.user_id, &request.room_id, Measure::Kick, said)
        .await?;
    Ok(Response::new())
}
