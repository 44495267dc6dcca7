//! The slots: below which position a restarted process must not issue (**I7**). Raised every few seconds by the owner.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, int};

/// The table.
#[derive(Debug)]
pub struct Slot;

impl Table for Slot {
    const DEF: &'static TableDef = &TableDef {
        name: "slot",
        id: 50,
        family: Family::Meta,
        partition: &[int("slot")],
        clustering: &[],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (i64,);
    type Clustering = ();
    type Row = SlotRow;
}

/// A slot's persisted state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SlotRow {
    /// No position above this one has been issued.
    pub pos_limit: i64,
}
