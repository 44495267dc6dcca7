//! EDUs that must not be lost, for one destination each, until it has taken them.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::table::{Family, Table, TableDef, WrittenBy, int, text};

/// The table.
#[derive(Debug)]
pub struct OutboundEdu;

impl Table for OutboundEdu {
    const DEF: &'static TableDef = &TableDef {
        name: "outbound_edu",
        id: 62,
        family: Family::Encryption,
        partition: &[int("slot")],
        clustering: &[text("server"), int("stamp")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (i64,);
    type Clustering = (String, i64);
    type Row = OutboundEduRow;
}

/// An EDU.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OutboundEduRow {
    /// `edu_type` and `content`.
    pub edu: Box<RawValue>,
}
