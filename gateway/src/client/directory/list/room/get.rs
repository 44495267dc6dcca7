//! `GET /_matrix/client/*/directory/list/room/{roomId}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3directorylistroomroomid>

use playhouse_actors::public_rooms;
use ruma::api::client::{
    directory::get_room_visibility::v3::{Request, Response},
    room::Visibility,
};

use crate::{Anyone, ApiError, Context, IntoReply};

/// Tells whether a room is listed.
pub async fn handler(cx: Context<Anyone>, request: Request) -> Result<impl IntoReply, ApiError> {
    let listed = public_rooms::is_listed(cx.node(), &request.room_id).await?;
    Ok(Response::new(if listed { Visibility::Public } else { Visibility::Private }))
}
