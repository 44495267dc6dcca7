//! When a server last said that one of its users changed devices or keys: what was told of the user before is old.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct RemoteKeyChange;

impl Table for RemoteKeyChange {
    const DEF: &'static TableDef = &TableDef {
        name: "remote_key_change",
        id: 66,
        family: Family::Encryption,
        partition: &[text("user")],
        clustering: &[],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = ();
    type Row = RemoteKeyChangeRow;
}

/// The newest change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RemoteKeyChangeRow {
    /// The position when this server heard of it.
    pub pos: i64,
}
