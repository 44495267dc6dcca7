//! `GET /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keyskeysroomidsessionid>

use ruma::api::client::backup::get_backup_keys_for_session::v3::Request;
use serde_json::value::RawValue;

use crate::{ApiError, client::room_keys::backups, context::Context, reply::Json};

/// The key of a session.
pub async fn handler(cx: Context, request: Request) -> Result<Json<Box<RawValue>>, ApiError> {
    Ok(Json(backups(&cx).session(&request.version, &request.room_id, &request.session_id).await?))
}
