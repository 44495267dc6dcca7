//! `POST /_matrix/client/*/rooms/{roomId}/ban`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidban>

use playhouse_actors::joining::{self, Measure, Said};
use ruma::api::client::membership::ban_user::v3::{Request, Response};

use crate::{ApiError, Context, IntoReply};

/// Bans a user from a room.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    let said = Said { reason: request.reason, ..Said::default() };
    joining::moderate(cx.node(), cx.user_id(), &request.user_id, &request.room_id, Measure::Ban, said)
        .await?;
    Ok(Response::new())
}
