//! Events that other servers have sent and whose transaction was answered: they wait here for their rooms, so that a crash
//! loses none. A row goes as soon as its event was dealt with; what is left is dealt with at the next start.
//!
//! The rows of a slot lie in buckets of [`BUCKET_MS`], so that a start reads few of the marks that deleted rows leave behind.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::table::{Family, Table, TableDef, WrittenBy, int, text};

/// How long the rows of one partition are written for.
pub const BUCKET_MS: i64 = 4 * 3_600_000;
/// How long a row lives at most.
pub const LIFE: Duration = Duration::from_hours(7 * 24);

/// The table.
#[derive(Debug)]
pub struct Inbox;

impl Table for Inbox {
    const DEF: &'static TableDef = &TableDef {
        name: "inbox",
        id: 57,
        family: Family::Meta,
        partition: &[int("slot"), int("bucket")],
        clustering: &[int("stamp"), text("event_id")],
        written_by: WrittenBy::Write,
        ttl: Some(LIFE),
    };
    type Partition = (i64, i64);
    type Clustering = (i64, String);
    type Row = InboxRow;
}

/// An event that was verified.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InboxRow {
    /// The room.
    pub room: String,
    /// The server that sent it.
    pub origin: String,
    /// The event.
    pub pdu: Box<RawValue>,
}
