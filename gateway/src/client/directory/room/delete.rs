//! `DELETE /_matrix/client/*/directory/room/{roomAlias}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3directoryroomroomalias>

use playhouse_actors::aliases;
use ruma::api::client::alias::delete_alias::v3::{Request, Response};

use crate::{ApiError, Context, IntoReply, client::directory::asker};

/// Removes an alias.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    aliases::remove(cx.node(), asker(&cx), &request.room_alias).await?;
    Ok(Response::new())
}
