//! `POST /_matrix/client/v3/room_keys/version`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3room_keysversion>

use playhouse_actors::user::backup::NewBackup;
use ruma::api::client::backup::create_backup_version::v3::{Request, Response};

use crate::{ApiError, context::Context};

/// Makes a backup, which is the current one from now on.
pub async fn handler(cx: Context, request: Request) -> Result<Response, ApiError> {
    let backup = NewBackup::check(request.algorithm.json())?;
    let version = cx.node().users().handle(cx.user_id()).create_backup(backup).await?;
    Ok(Response::new(version))
}
