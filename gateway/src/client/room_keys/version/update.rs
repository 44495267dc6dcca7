//! `PUT /_matrix/client/v3/room_keys/version/{version}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keysversionversion>

use playhouse_actors::user::backup::NewBackup;
use ruma::api::client::backup::update_backup_version::v3::{Request, Response};

use crate::{ApiError, context::Context};

/// Changes the data of a backup.
pub async fn handler(cx: Context, request: Request) -> Result<Response, ApiError> {
    let backup = NewBackup::check(request.algorithm.json())?;
    cx.node().users().handle(cx.user_id()).update_backup(request.version, backup).await?;
    Ok(Response::new())
}
