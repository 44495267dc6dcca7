//! Versions of a user's key backup. Written by the user's actor; a deleted version keeps its row, so that numbers do not come back.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::table::{Family, Table, TableDef, WrittenBy, int, text};

/// The table.
#[derive(Debug)]
pub struct BackupVersion;

impl Table for BackupVersion {
    const DEF: &'static TableDef = &TableDef {
        name: "backup_version",
        id: 35,
        family: Family::User,
        partition: &[text("user")],
        clustering: &[int("version")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = (i64,);
    type Row = BackupVersionRow;
}

/// A backup version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BackupVersionRow {
    /// The algorithm.
    pub algorithm: String,
    /// Its data.
    pub auth_data: Box<RawValue>,
    /// Counts the changes of the backup.
    pub etag: u64,
    /// Keys in the backup.
    pub count: u64,
    /// Deleted.
    #[serde(default)]
    pub deleted: bool,
}
