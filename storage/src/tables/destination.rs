//! Other servers that do not take what is sent to them, and when they are tried again. A server that does has no row.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, int, text};

/// The table.
#[derive(Debug)]
pub struct Destination;

impl Table for Destination {
    const DEF: &'static TableDef = &TableDef {
        name: "destination",
        id: 60,
        family: Family::Meta,
        partition: &[int("slot")],
        clustering: &[text("server")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (i64,);
    type Clustering = (String,);
    type Row = DestinationRow;
}

/// A destination that fails.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DestinationRow {
    /// Failures since it last took something.
    pub failures: u32,
    /// When it is tried again, in milliseconds since 1970.
    pub retry_at_ms: u64,
}
