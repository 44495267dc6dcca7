//! Rooms that are listed in the public directory (partition `public`). Written when a room's visibility is set.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct PublicRoom;

impl Table for PublicRoom {
    const DEF: &'static TableDef = &TableDef {
        name: "public_room",
        id: 11,
        family: Family::Meta,
        partition: &[text("list")],
        clustering: &[text("room")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = (String,);
    type Row = PublicRoomRow;
}

/// A listed room.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PublicRoomRow {}
