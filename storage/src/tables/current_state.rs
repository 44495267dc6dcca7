//! The current state of a room: which event stands for each key. Written by the room's actor with the append; read at
//! activation. Holds references only, so that a state event is stored once (**I5**).
//!
//! A row of a member takes some 150 bytes, so 32 MB hold the state of a room of 200,000 members; the memory of such a room,
//! once it is active, is the nearer bound.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct CurrentState;

impl Table for CurrentState {
    const DEF: &'static TableDef = &TableDef {
        name: "current_state",
        id: 5,
        family: Family::State,
        partition: &[text("room")],
        clustering: &[text("kind"), text("state_key")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = (String, String);
    type Row = CurrentStateRow;
}

/// The event that stands for a state key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CurrentStateRow {
    /// The event's id.
    pub event_id: String,
    /// Its sequence number in the log.
    pub seq: i64,
}
