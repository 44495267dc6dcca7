//! `GET /_matrix/client/*/directory/room/{roomAlias}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3directoryroomroomalias>

use ruma::api::client::alias::get_alias::v3::{Request, Response};

use crate::{Anyone, ApiError, Context, IntoReply, client::rooms::room_of_alias};

/// Tells which room an alias leads to.
pub async fn handler(cx: Context<Anyone>, request: Request) -> Result<impl IntoReply, ApiError> {
    let room_id = room_of_alias(cx.node(), &request.room_alias).await?;
    Ok(Response::new(room_id, vec![cx.node().server_name().to_owned()]))
}
