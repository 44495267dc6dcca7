//! `PUT /_matrix/client/v3/room_keys/keys/{roomId}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keyskeysroomid>

use playhouse_actors::user::{UserError, backup::BackupContents};
use ruma::api::client::backup::add_backup_keys_for_room::v3::Request;

use crate::{ApiError, client::room_keys, context::Context, reply::Json};

/// Stores keys of a room, where they are new or better.
pub async fn handler(cx: Context, request: Request) -> Result<Json<BackupContents>, ApiError> {
    let keys = room_keys::of_room(&request.room_id, request.sessions).collect::<Result<_, UserError>>()?;
    room_keys::put(&cx, request.version, keys).await
}
