//! `DELETE /_matrix/client/v3/room_keys/keys/{roomId}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3room_keyskeysroomid>

use playhouse_actors::user::backup::{BackupContents, BackupScope};
use ruma::api::client::backup::delete_backup_keys_for_room::v3::Request;

use crate::{ApiError, context::Context, reply::Json};

/// Deletes the keys of a room.
pub async fn handler(cx: Context, request: Request) -> Result<Json<BackupContents>, ApiError> {
    let user = cx.node().users().handle(cx.user_id());
    Ok(Json(user.delete_backup_keys(request.version, BackupScope::Room(request.room_id)).await?))
}
