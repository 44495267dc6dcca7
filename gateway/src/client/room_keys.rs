//! `/_matrix/client/v3/room_keys/…`: backups of room keys.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#server-side-key-backups>

pub mod keys;
pub mod version;

use std::collections::BTreeMap;

use playhouse_actors::user::{
    UserError,
    backup::{BackedUpKey, BackupContents, Backups},
};
use ruma::{RoomId, api::client::backup::KeyBackupData, serde::Raw};

use crate::{ApiError, context::Context, reply::Json};

/// The most bytes of a request that puts keys into a backup.
pub const MOST_BODY_BYTES: usize = 8 << 20;

/// The caller's backups.
fn backups(cx: &Context) -> Backups<'_> {
    Backups { store: cx.node().store(), user: cx.user_id() }
}

/// The keys of a room, checked.
fn of_room(
    room: &RoomId,
    sessions: BTreeMap<String, Raw<KeyBackupData>>,
) -> impl Iterator<Item = Result<BackedUpKey, UserError>> {
    sessions.into_iter().map(|(session, data)| BackedUpKey::check(room, session, data.into_json()))
}

/// Puts keys into the backup that is at `version`.
async fn put(
    cx: &Context,
    version: String,
    keys: Vec<BackedUpKey>,
) -> Result<Json<BackupContents>, ApiError> {
    Ok(Json(cx.node().users().handle(cx.user_id()).put_backup_keys(version, keys).await?))
}
