//! `GET /_matrix/client/v3/room_keys/version`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keysversion>

use playhouse_actors::user::backup::BackupInfo;
use ruma::api::client::backup::get_latest_backup_info::v3::Request;

use crate::{ApiError, client::room_keys::backups, context::Context, reply::Json};

/// The current backup.
pub async fn handler(cx: Context, _: Request) -> Result<Json<BackupInfo>, ApiError> {
    Ok(Json(backups(&cx).current().await?))
}
