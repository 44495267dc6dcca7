//! Room aliases of this server. Created by claim (a unique name), deleted by claim; read by everyone.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct Alias;

impl Table for Alias {
    const DEF: &'static TableDef = &TableDef {
        name: "alias",
        id: 9,
        family: Family::Meta,
        partition: &[text("alias")],
        clustering: &[],
        written_by: WrittenBy::Claim,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = ();
    type Row = AliasRow;
}

/// Where an alias points.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AliasRow {
    /// The room.
    pub room: String,
    /// Who made the alias.
    pub creator: String,
}
