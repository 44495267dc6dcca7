//! Rooms with a running actor, by slot, where the store may lose projections in a crash: the next owner of the slot
//! replays these before it answers anything. Written at activation, deleted at passivation; empty on a store whose
//! projections are atomic with the append.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, int, text};

/// The table.
#[derive(Debug)]
pub struct ActiveRoom;

impl Table for ActiveRoom {
    const DEF: &'static TableDef = &TableDef {
        name: "active_room",
        id: 52,
        family: Family::Meta,
        partition: &[int("slot")],
        clustering: &[text("room")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (i64,);
    type Clustering = (String,);
    type Row = ActiveRoomRow;
}

/// An active room; the key says it all.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ActiveRoomRow {}
