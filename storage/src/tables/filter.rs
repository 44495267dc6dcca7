//! Sync filters; the id is a hash of the content, so that the same filter again is the same row.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct Filter;

impl Table for Filter {
    const DEF: &'static TableDef = &TableDef {
        name: "filter",
        id: 33,
        family: Family::User,
        partition: &[text("user")],
        clustering: &[text("id")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = (String,);
    type Row = FilterRow;
}

/// A filter as uploaded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FilterRow {
    /// The definition.
    pub filter: Box<RawValue>,
}
