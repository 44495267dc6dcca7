//! Facts about this server that must outlive a restart: its name, the secret that authenticates tokens.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct Server;

impl Table for Server {
    const DEF: &'static TableDef = &TableDef {
        name: "server",
        id: 51,
        family: Family::Meta,
        partition: &[text("name")],
        clustering: &[],
        written_by: WrittenBy::Claim,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = ();
    type Row = ServerRow;
}

/// A fact.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServerRow {
    /// Its value.
    pub value: String,
}
