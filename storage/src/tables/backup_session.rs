//! Backed-up room keys. Written by the user's actor.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::table::{Family, Table, TableDef, WrittenBy, int, text};

/// The table.
#[derive(Debug)]
pub struct BackupSession;

impl Table for BackupSession {
    const DEF: &'static TableDef = &TableDef {
        name: "backup_session",
        id: 36,
        family: Family::User,
        partition: &[text("user"), int("version")],
        clustering: &[text("room"), text("session")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String, i64);
    type Clustering = (String, String);
    type Row = BackupSessionRow;
}

/// A room key in a backup.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BackupSessionRow {
    /// The key data as uploaded.
    pub data: Box<RawValue>,
}
