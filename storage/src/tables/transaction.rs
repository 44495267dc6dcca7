//! Answers to requests with a transaction id, so that a repeated one is answered and not done again. Events carry their
//! transaction in the log too; this index finds old ones. Rows live a day.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct TransactionAnswer;

impl Table for TransactionAnswer {
    const DEF: &'static TableDef = &TableDef {
        name: "transaction",
        id: 12,
        family: Family::User,
        partition: &[text("user"), text("device")],
        clustering: &[text("path"), text("id")],
        written_by: WrittenBy::Write,
        ttl: Some(Duration::from_hours(24)),
    };
    type Partition = (String, String);
    type Clustering = (String, String);
    type Row = TransactionAnswerRow;
}

/// What the first request was answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TransactionAnswerRow {
    /// The event that it made, where it made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
}
