//! Events that are known but stand in no log: auth events of forks, and rejected events with the reason.
//! Written by room ingest before the append that cites them.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct Outlier;

impl Table for Outlier {
    const DEF: &'static TableDef = &TableDef {
        name: "outlier",
        id: 13,
        family: Family::Log,
        partition: &[text("event_id")],
        clustering: &[],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = ();
    type Row = OutlierRow;
}

/// An event outside the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OutlierRow {
    /// The room.
    pub room: String,
    /// Why it was rejected, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<String>,
    /// The event as it was signed.
    pub pdu: Box<RawValue>,
}
