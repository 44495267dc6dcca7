//! The position of a local user's newest change of devices or keys, which other servers know it by. Written by the user's actor
//! with the change's row.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct DeviceStream;

impl Table for DeviceStream {
    const DEF: &'static TableDef = &TableDef {
        name: "device_stream",
        id: 64,
        family: Family::Encryption,
        partition: &[text("user")],
        clustering: &[],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = ();
    type Row = DeviceStreamRow;
}

/// The newest change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeviceStreamRow {
    /// Its last position.
    pub pos: i64,
    /// That of the one before.
    pub before: i64,
}
