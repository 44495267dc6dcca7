//! What other servers publish about their keys: the last document of each, as it was signed. Written when it was fetched;
//! read when something of that server's is to be checked and its keys are not in memory, and for those who ask this server
//! as their notary. It never expires: with it old events are checked when their server is gone.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct RemoteKey;

impl Table for RemoteKey {
    const DEF: &'static TableDef = &TableDef {
        name: "remote_key",
        id: 56,
        family: Family::Meta,
        partition: &[text("server")],
        clustering: &[],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = ();
    type Row = RemoteKeyRow;
}

/// A document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RemoteKeyRow {
    /// As it came, checked before.
    pub document: Box<RawValue>,
    /// When, in milliseconds since 1970.
    pub fetched_ms: u64,
}
