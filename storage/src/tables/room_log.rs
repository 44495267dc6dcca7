//! The log of a room: the only commit point (**I1**).
//!
//! Partition: room and bucket (`seq.div_euclid(BUCKET_ROWS)`, so that a partition stays below 32 MB); clustering: the
//! dense sequence number of the event in this room, negative for history from before our join. Written by the room's
//! actor alone, by guarded append; read by everyone. Rows are never deleted.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::table::{Family, Table, TableDef, WrittenBy, int, text};

/// The table.
#[derive(Debug)]
pub struct RoomLog;

impl Table for RoomLog {
    const DEF: &'static TableDef = &TableDef {
        name: "room_log",
        id: 1,
        family: Family::Log,
        partition: &[text("room"), int("bucket")],
        clustering: &[int("seq")],
        written_by: WrittenBy::Append,
        ttl: None,
    };
    type Partition = (String, i64);
    type Clustering = (i64,);
    type Row = RoomLogRow;
}

/// The most rows of a bucket: 512 events of at most 64 KiB stay below 32 MB.
pub const BUCKET_ROWS: i64 = 512;

/// The bucket that holds `seq`.
pub const fn bucket_of(seq: i64) -> i64 {
    seq.div_euclid(BUCKET_ROWS)
}

/// An event in the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RoomLogRow {
    /// The event's id.
    pub event_id: String,
    /// Its stream position.
    pub pos: i64,
    /// Whether it was accepted, soft-failed or rejected.
    pub standing: i8,
    /// The state before the event, where that is not the room's state before this row: an overlay on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay: Option<Box<RawValue>>,
    /// The room's state changes that the event brought, where they are not just the event itself (a merge of forks).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Box<RawValue>>,
    /// For a member event from a room that this server is not in: the room as it was described with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stripped: Option<Box<RawValue>>,
    /// Whether other servers are sent it by this one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub goes_out: bool,
    /// Whether events that it follows are not in the log: a gap lies before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub after_gap: bool,
    /// The transaction that sent it, where a client of ours did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<Transaction>,
    /// The event as it was signed.
    pub pdu: Box<RawValue>,
}

/// The client's request that made an event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Transaction {
    /// The user.
    pub user: String,
    /// The device.
    pub device: String,
    /// The request's path within the room, which scopes the id: `send/m.room.message`.
    pub path: String,
    /// The transaction id.
    pub id: String,
}
