//! The aliases of a room: the inverse of `alias`, a projection of it.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct RoomAlias;

impl Table for RoomAlias {
    const DEF: &'static TableDef = &TableDef {
        name: "room_alias",
        id: 10,
        family: Family::Meta,
        partition: &[text("room")],
        clustering: &[text("alias")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = (String,);
    type Row = RoomAliasRow;
}

/// An alias of the room.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RoomAliasRow {}
