//! Backed-up room keys. Written by the user's actor.
//!
//! Partition: user, version of the backup and a shard by hash of the room, so that the keys of many years make no large
//! partition. A key takes some 600 bytes: 32 MB hold the 50,000 sessions that one user has of one room.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::fnv1a;
use crate::table::{Family, Table, TableDef, WrittenBy, int, text};

/// The table.
#[derive(Debug)]
pub struct BackupSession;

impl Table for BackupSession {
    const DEF: &'static TableDef = &TableDef {
        name: "backup_session",
        id: 36,
        family: Family::User,
        partition: &[text("user"), int("version"), int("shard")],
        clustering: &[text("room"), text("session")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String, i64, i64);
    type Clustering = (String, String);
    type Row = BackupSessionRow;
}

/// The shards of a backup.
pub const SHARDS: i64 = 64;

/// The shard of a room's keys.
pub fn shard_of(room: &str) -> i64 {
    i64::from(fnv1a(room)).rem_euclid(SHARDS)
}

/// A room key in a backup.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BackupSessionRow {
    /// The key data as uploaded.
    pub data: Box<RawValue>,
}
