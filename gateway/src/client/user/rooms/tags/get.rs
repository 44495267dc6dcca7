//! `GET /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridroomsroomidtags>

use playhouse_actors::user::tags::Tags;
use ruma::api::client::tag::get_tags::v3::Request;

use crate::{ApiError, context::Context, reply::Json};

/// The tags that the user put on a room.
pub async fn handler(cx: Context, request: Request) -> Result<Json<Tags>, ApiError> {
    cx.must_be(&request.user_id)?;
    let data = cx.node().users().feed(cx.user_id()).await?.data();
    Ok(Json(Tags::of(&data, &request.room_id)))
}
