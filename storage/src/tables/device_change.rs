//! Who changed devices or keys, in order of position; partition: the day of the position. Written by the user's actor before
//! the change itself, so that a crash in between costs a needless key query and never a missed one. Rows live 90 days.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, int, text};

/// The table.
#[derive(Debug)]
pub struct DeviceChange;

impl Table for DeviceChange {
    const DEF: &'static TableDef = &TableDef {
        name: "device_change",
        id: 29,
        family: Family::Encryption,
        partition: &[int("day")],
        clustering: &[int("pos"), text("user")],
        written_by: WrittenBy::Write,
        ttl: Some(Duration::from_hours(90 * 24)),
    };
    type Partition = (i64,);
    type Clustering = (i64, String);
    type Row = DeviceChangeRow;
}

/// A change; the key says most of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct DeviceChangeRow {
    /// The one user who may hear of it, who signed the other's keys; otherwise all who share a room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_for: Option<String>,
    /// The devices that changed: the last has the position of the row as its own, the others those before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<String>,
    /// Whether cross-signing keys changed.
    #[serde(default)]
    pub cross_signing: bool,
    /// The last position of the user's change before.
    #[serde(default)]
    pub before: i64,
}
