//! `DELETE /_matrix/client/v3/room_keys/version/{version}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keysversionversion>

use ruma::api::client::backup::delete_backup_version::v3::{Request, Response};

use crate::{ApiError, context::Context};

/// Deletes a backup and the keys in it.
pub async fn handler(cx: Context, request: Request) -> Result<Response, ApiError> {
    cx.node().users().handle(cx.user_id()).delete_backup(request.version).await?;
    Ok(Response::new())
}
