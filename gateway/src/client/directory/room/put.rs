//! `PUT /_matrix/client/*/directory/room/{roomAlias}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3directoryroomroomalias>

use playhouse_actors::aliases;
use ruma::api::client::alias::create_alias::v3::{Request, Response};

use crate::{ApiError, Context, IntoReply, client::directory::asker};

/// Makes an alias for a room that the caller is in.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    aliases::make(cx.node(), asker(&cx), &request.room_alias, &request.room_id).await?;
    Ok(Response::new())
}
