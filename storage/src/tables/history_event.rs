//! Where an event lies that is in a gap of a room's log.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct HistoryEvent;

impl Table for HistoryEvent {
    const DEF: &'static TableDef = &TableDef {
        name: "history_event",
        id: 69,
        family: Family::State,
        partition: &[text("event")],
        clustering: &[],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = ();
    type Row = HistoryEventRow;
}

/// Its place.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HistoryEventRow {
    /// The room.
    pub room: String,
    /// The gap.
    pub gap: i64,
    /// Its number there.
    pub number: i64,
}
