//! What lies in a gap of a room's log: events from before a row that this server got later, from other servers. The newest has
//! number 0. Written by whoever fetched them, who alone does so in a room.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::table::{Family, Table, TableDef, WrittenBy, int, text};

/// The table.
#[derive(Debug)]
pub struct History;

impl Table for History {
    const DEF: &'static TableDef = &TableDef {
        name: "history",
        id: 67,
        family: Family::Log,
        partition: &[text("room"), int("gap"), int("bucket")],
        clustering: &[int("number")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String, i64, i64);
    type Clustering = (i64,);
    type Row = HistoryRow;
}

/// Events of a bucket: 512 of at most 64 KiB stay below 32 MB.
pub const BUCKET_ROWS: i64 = 512;

/// An event.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HistoryRow {
    /// Its id.
    pub event_id: String,
    /// The history visibility that it was sent under, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<String>,
    /// The event as it was signed.
    pub pdu: Box<RawValue>,
}
