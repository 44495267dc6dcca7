//! `PUT /_matrix/client/v3/room_keys/keys`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keyskeys>

use playhouse_actors::user::backup::BackupContents;
use ruma::api::client::backup::add_backup_keys::v3::Request;

use crate::{ApiError, client::room_keys, context::Context, reply::Json};

/// Stores keys of many rooms, where they are new or better.
pub async fn handler(cx: Context, request: Request) -> Result<Json<BackupContents>, ApiError> {
    let mut keys = Vec::new();
    for (room, backup) in request.rooms {
        for key in room_keys::of_room(&room, backup.sessions) {
            keys.push(key?);
        }
    }
    room_keys::put(&cx, request.version, keys).await
}
