//! Rooms in which a destination lacks events: the newest that it lacks. Written when a destination fails, gone when it has
//! caught up; one row a room, however many the events are.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, int, text};

/// The table.
#[derive(Debug)]
pub struct DestinationRoom;

impl Table for DestinationRoom {
    const DEF: &'static TableDef = &TableDef {
        name: "destination_room",
        id: 61,
        family: Family::Meta,
        partition: &[int("slot")],
        clustering: &[text("server"), text("room")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (i64,);
    type Clustering = (String, String);
    type Row = DestinationRoomRow;
}

/// The newest event that the destination lacks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DestinationRoomRow {
    /// Its row in the log of the room.
    pub seq: i64,
    /// Its position.
    pub pos: i64,
}
