//! `POST /_matrix/client/*/rooms/{roomId}/leave`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidleave>

use playhouse_actors::joining::{self, Said};
use ruma::api::client::membership::leave_room::v3::{Request, Response};

use crate::{ApiError, Context, IntoReply};

/// Leaves a room, rejects an invite or takes a knock back.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    let said = Said { reason: request.reason, ..Said::default() };
    joining::leave(cx.node(), cx.user_id(), &request.room_id, said).await?;
    Ok(Response::new())
}
