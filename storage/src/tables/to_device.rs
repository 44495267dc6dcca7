//! To-device messages that wait for a device. Written by the user's actor; read from a sync token's position on and deleted by
//! one range once the client shows a later token. Rows below 0 are markers of the transactions that delivered something, each
//! with a life of a day.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::table::{Family, Table, TableDef, WrittenBy, int, text};

/// The table.
#[derive(Debug)]
pub struct ToDevice;

impl Table for ToDevice {
    const DEF: &'static TableDef = &TableDef {
        name: "to_device",
        id: 30,
        family: Family::Encryption,
        partition: &[text("user"), text("device")],
        clustering: &[int("pos")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String, String);
    type Clustering = (i64,);
    type Row = ToDeviceRow;
}

/// A message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ToDeviceRow {
    /// `sender`, `type` and `content`, as the client gets it.
    pub message: Box<RawValue>,
}
