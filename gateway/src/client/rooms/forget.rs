//! `POST /_matrix/client/*/rooms/{roomId}/forget`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidforget>

use playhouse_actors::user::UserError;
use ruma::api::client::membership::forget_room::v3::{Request, Response};

use crate::{ApiError, Context, IntoReply};

/// Forgets a room that the caller left.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    let forgotten = cx.node().users().handle(cx.user_id()).forget(&request.room_id).await;
    forgotten.map_err(|error| match error {
        // Unlike elsewhere the specification names this code for who is still in the room.
        UserError::NotFound(why) | UserError::Invalid(why) => ApiError::bad_request(why),
        error => error.into(),
    })?;
    Ok(Response::new())
}
