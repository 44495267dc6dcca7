//! What other servers' transactions were answered: one that comes again is answered the same and not done again. Rows live a
//! day.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct RemoteTransaction;

impl Table for RemoteTransaction {
    const DEF: &'static TableDef = &TableDef {
        name: "remote_transaction",
        id: 58,
        family: Family::Meta,
        partition: &[text("origin"), text("id")],
        clustering: &[],
        written_by: WrittenBy::Write,
        ttl: Some(Duration::from_hours(24)),
    };
    type Partition = (String, String);
    type Clustering = ();
    type Row = RemoteTransactionRow;
}

/// The answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RemoteTransactionRow {
    /// As it was sent.
    pub answer: Box<RawValue>,
}
