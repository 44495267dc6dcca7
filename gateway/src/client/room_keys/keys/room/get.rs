//! `GET /_matrix/client/v3/room_keys/keys/{roomId}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keyskeysroomid>

use ruma::api::client::backup::get_backup_keys_for_room::v3::Request;

use crate::{ApiError, client::room_keys::backups, context::Context, reply::RawJson};

/// The keys of a room.
pub async fn handler(cx: Context, request: Request) -> Result<RawJson, ApiError> {
    Ok(RawJson(backups(&cx).room(&request.version, &request.room_id).await?.into()))
}
