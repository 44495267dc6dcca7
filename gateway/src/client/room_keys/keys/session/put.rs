//! `PUT /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keyskeysroomidsessionid>

use playhouse_actors::user::backup::{BackedUpKey, BackupContents};
use ruma::api::client::backup::add_backup_keys_for_session::v3::Request;

use crate::{ApiError, client::room_keys, context::Context, reply::Json};

/// Stores the key of a session, if it is new or better.
pub async fn handler(cx: Context, request: Request) -> Result<Json<BackupContents>, ApiError> {
    let data = request.session_data.into_json();
    let key = BackedUpKey::check(&request.room_id, request.session_id, data)?;
    room_keys::put(&cx, request.version, vec![key]).await
}
