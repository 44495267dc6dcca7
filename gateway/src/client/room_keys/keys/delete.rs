//! `DELETE /_matrix/client/v3/room_keys/keys`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keyskeys>

use playhouse_actors::user::backup::{BackupContents, BackupScope};
use ruma::api::client::backup::delete_backup_keys::v3::Request;

use crate::{ApiError, context::Context, reply::Json};

/// Deletes all keys of a backup.
pub async fn handler(cx: Context, request: Request) -> Result<Json<BackupContents>, ApiError> {
    let user = cx.node().users().handle(cx.user_id());
    Ok(Json(user.delete_backup_keys(request.version, BackupScope::Everything).await?))
}
