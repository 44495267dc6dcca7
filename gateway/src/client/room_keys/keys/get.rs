//! `GET /_matrix/client/v3/room_keys/keys`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keyskeys>

use ruma::api::client::backup::get_backup_keys::v3::Request;

use crate::{ApiError, client::room_keys::backups, context::Context, reply::RawJson};

/// All keys of a backup.
pub async fn handler(cx: Context, request: Request) -> Result<RawJson, ApiError> {
    Ok(RawJson(backups(&cx).everything(&request.version).await?.into()))
}
