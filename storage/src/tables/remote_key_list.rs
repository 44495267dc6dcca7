//! Keys of users of other servers, as these told them. Written by whoever asked (stamp: the position when it asked).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct RemoteKeyList;

impl Table for RemoteKeyList {
    const DEF: &'static TableDef = &TableDef {
        name: "remote_key_list",
        id: 65,
        family: Family::Encryption,
        partition: &[text("user")],
        clustering: &[],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = ();
    type Row = RemoteKeyListRow;
}

/// What a server told of a user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RemoteKeyListRow {
    /// The position when it was asked: changes that were heard of since are not in it.
    pub pos: i64,
    /// Identity keys by device.
    pub devices: BTreeMap<String, Box<RawValue>>,
    /// The master key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master: Option<Box<RawValue>>,
    /// The self-signing key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_signing: Option<Box<RawValue>>,
}
