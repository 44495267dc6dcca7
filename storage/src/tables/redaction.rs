//! Which events of a room are redacted, and by which event. Written by the room's actor with the append of the redaction;
//! read whenever an event is shown.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct Redaction;

impl Table for Redaction {
    const DEF: &'static TableDef = &TableDef {
        name: "redaction",
        id: 4,
        family: Family::State,
        partition: &[text("room")],
        clustering: &[text("target")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = (String,);
    type Row = RedactionRow;
}

/// The redaction of an event.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RedactionRow {
    /// The `m.room.redaction` event.
    pub event_id: String,
    /// Its sequence number in the log.
    pub seq: i64,
}
