//! The state changes of a room in log order: what sync reads for the `state` of a gap, and the undo log of the state.
//! Bucket: `seq.div_euclid(CHANGE_BUCKET)`. Written by the room's actor with the append; never deleted.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, int, text};

/// The table.
#[derive(Debug)]
pub struct StateChange;

impl Table for StateChange {
    const DEF: &'static TableDef = &TableDef {
        name: "state_change",
        id: 7,
        family: Family::State,
        partition: &[text("room"), int("bucket")],
        clustering: &[int("seq")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String, i64);
    type Clustering = (i64,);
    type Row = StateChangeRow;
}

/// Sequence numbers that share a partition.
pub const CHANGE_BUCKET: i64 = 4_096;

/// What changed with one event of the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StateChangeRow {
    /// The changed keys; one, but for a merge of forks.
    pub changes: Vec<Change>,
}

/// The change of one state key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Change {
    /// The event type.
    pub kind: String,
    /// The state key.
    pub state_key: String,
    /// The sequence number of the event that stands now, if any.
    pub new: Option<i64>,
    /// The event that stood before, if any.
    pub old: Option<String>,
}
