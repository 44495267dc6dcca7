//! The identity keys of a device, without the signatures of others. Written by the user's actor.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct DeviceKey;

impl Table for DeviceKey {
    const DEF: &'static TableDef = &TableDef {
        name: "device_key",
        id: 24,
        family: Family::Encryption,
        partition: &[text("user")],
        clustering: &[text("device")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = (String,);
    type Row = DeviceKeyRow;
}

/// Device keys as uploaded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeviceKeyRow {
    /// The keys object.
    pub keys: Box<RawValue>,
}
