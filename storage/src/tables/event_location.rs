//! Where an event is. Written by the room's actor with the append; a reader verifies the id that it finds there, so an
//! orphaned row is harmless.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct EventLocation;

impl Table for EventLocation {
    const DEF: &'static TableDef = &TableDef {
        name: "event_location",
        id: 3,
        family: Family::State,
        partition: &[text("event_id")],
        clustering: &[],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = ();
    type Row = EventLocationRow;
}

/// The place of an event in a room's log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EventLocationRow {
    /// The room.
    pub room: String,
    /// The sequence number in its log.
    pub seq: i64,
}
