//! What users reported to those who run the server: events, rooms and other users. Written once each, by whoever takes
//! the report; read newest first, day by day. Partition: the day; the limit on requests
//! keeps a user from filling it.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, int, text};

/// The table.
#[derive(Debug)]
pub struct Report;

impl Table for Report {
    const DEF: &'static TableDef = &TableDef {
        name: "report",
        id: 53,
        family: Family::Meta,
        partition: &[int("day")],
        clustering: &[int("pos"), text("reporter")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (i64,);
    type Clustering = (i64, String);
    type Row = ReportRow;
}

/// A report; who made it and when is in the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportRow {
    /// What is reported.
    #[serde(flatten)]
    pub about: ReportedRow,
    /// Why, in the reporter's words; may be empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What is reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum ReportedRow {
    /// An event.
    Event {
        /// Its room.
        room: String,
        /// The event.
        event: String,
        /// Who sent it.
        sender: String,
    },
    /// A room.
    Room {
        /// The room.
        room: String,
    },
    /// A user.
    User {
        /// The user.
        user: String,
    },
}
