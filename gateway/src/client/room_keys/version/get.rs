//! `GET /_matrix/client/v3/room_keys/version/{version}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keysversionversion>

use playhouse_actors::user::backup::BackupInfo;
use ruma::api::client::backup::get_backup_info::v3::Request;

use crate::{ApiError, client::room_keys::backups, context::Context, reply::Json};

/// One backup.
pub async fn handler(cx: Context, request: Request) -> Result<Json<BackupInfo>, ApiError> {
    Ok(Json(backups(&cx).version(&request.version).await?))
}
