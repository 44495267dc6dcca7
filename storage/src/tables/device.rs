//! Devices of a user. Written by the user's actor.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct Device;

impl Table for Device {
    const DEF: &'static TableDef = &TableDef {
        name: "device",
        id: 23,
        family: Family::User,
        partition: &[text("user")],
        clustering: &[text("device")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = (String,);
    type Row = DeviceRow;
}

/// A device.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct DeviceRow {
    /// The name that its user gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The hashes of its access tokens.
    #[serde(default)]
    pub access_hashes: Vec<String>,
    /// The hashes of its refresh tokens.
    #[serde(default)]
    pub refresh_hashes: Vec<String>,
    /// When it was last used, in milliseconds since the epoch.
    #[serde(default)]
    pub last_seen_ts: Option<u64>,
    /// From which address.
    #[serde(default)]
    pub last_seen_ip: Option<String>,
    /// When it was made, in milliseconds since the epoch.
    #[serde(default)]
    pub created_ts: u64,
}
