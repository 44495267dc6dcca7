//! `PUT /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3useruseridroomsroomidtagstag>

use ruma::api::client::tag::create_tag::v3::{Request, Response};

use crate::{ApiError, context::Context};

/// Puts a tag on a room, or changes it.
pub async fn handler(cx: Context, request: Request) -> Result<Response, ApiError> {
    cx.must_be(&request.user_id)?;
    // As the client wrote it: a tag may say more than the specification knows.
    let info = cx.request.raw_json()?;
    cx.node().users().handle(cx.user_id()).put_tag(&request.room_id, &request.tag, info).await?;
    Ok(Response::new())
}
