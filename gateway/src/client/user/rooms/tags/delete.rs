//! `DELETE /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3useruseridroomsroomidtagstag>

use ruma::api::client::tag::delete_tag::v3::{Request, Response};

use crate::{ApiError, context::Context};

/// Takes a tag off a room.
pub async fn handler(cx: Context, request: Request) -> Result<Response, ApiError> {
    cx.must_be(&request.user_id)?;
    cx.node().users().handle(cx.user_id()).remove_tag(&request.room_id, &request.tag).await?;
    Ok(Response::new())
}
