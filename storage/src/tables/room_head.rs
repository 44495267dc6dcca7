//! Where a room stands: a projection and a hint. Activation starts at its tail bucket and follows the log from there.
//! Written by the room's actor with its appends; read at activation and by offline walks.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct RoomHead;

impl Table for RoomHead {
    const DEF: &'static TableDef = &TableDef {
        name: "room_head",
        id: 2,
        family: Family::State,
        partition: &[text("room")],
        clustering: &[],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = ();
    type Row = RoomHeadRow;
}

/// A room's head as last projected.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RoomHeadRow {
    /// The room version.
    pub version: String,
    /// The newest sequence number projected into every table.
    pub projected_seq: i64,
    /// The position of that event.
    pub pos: i64,
}
