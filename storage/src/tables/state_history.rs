//! Every version of every state key of a room, so that the state at a point is one slice of limit 1 for a key.
//!
//! Partition: room, event type and a shard (0, but for members 1..=64 by hash of the user, so that a room of a million
//! member changes has no large partition); clustering: the state key and the sequence number from which the version stood.
//! Written by the room's actor with the append; never deleted.

use serde::{Deserialize, Serialize};

use super::fnv1a;
use crate::table::{Family, Table, TableDef, WrittenBy, int, text};

/// The table.
#[derive(Debug)]
pub struct StateHistory;

impl Table for StateHistory {
    const DEF: &'static TableDef = &TableDef {
        name: "state_history",
        id: 6,
        family: Family::State,
        partition: &[text("room"), text("kind"), int("shard")],
        clustering: &[text("state_key"), int("since")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String, String, i64);
    type Clustering = (String, i64);
    type Row = StateHistoryRow;
}

/// The shard of `state_key` among the versions of `kind`.
pub fn shard_of(kind: &str, state_key: &str) -> i64 {
    const MEMBER_SHARDS: u32 = 64;
    if kind != "m.room.member" {
        return 0;
    }
    i64::from(1 + fnv1a(state_key) % MEMBER_SHARDS)
}

/// A version of a state key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StateHistoryRow {
    /// The event that stood, or `None` where a resolution removed the key.
    pub event_id: Option<String>,
    /// Its sequence number in the log.
    pub seq: i64,
    /// For a member event the membership, for a visibility event the visibility: what history checks ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
}
