//! How far a gap of a room's log is filled; the gap is named by the sequence number of the row after it.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, int, text};

/// The table.
#[derive(Debug)]
pub struct HistoryGap;

impl Table for HistoryGap {
    const DEF: &'static TableDef = &TableDef {
        name: "history_gap",
        id: 68,
        family: Family::State,
        partition: &[text("room")],
        clustering: &[int("gap")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = (i64,);
    type Row = HistoryGapRow;
}

/// A gap.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HistoryGapRow {
    /// How many events of it are here.
    pub count: i64,
    /// Events before these that are not here; none once the gap is filled.
    pub open: Vec<String>,
    /// From which event on it is not known under which visibility they were sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_from: Option<i64>,
}
