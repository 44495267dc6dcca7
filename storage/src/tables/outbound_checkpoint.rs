//! Up to which position the events that go out were sent, or are noted as lacking. One row.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, int};

/// The table.
#[derive(Debug)]
pub struct OutboundCheckpoint;

impl Table for OutboundCheckpoint {
    const DEF: &'static TableDef = &TableDef {
        name: "outbound_checkpoint",
        id: 63,
        family: Family::Meta,
        partition: &[int("id")],
        clustering: &[],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (i64,);
    type Clustering = ();
    type Row = OutboundCheckpointRow;
}

/// The checkpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OutboundCheckpointRow {
    /// The position.
    pub pos: i64,
}
