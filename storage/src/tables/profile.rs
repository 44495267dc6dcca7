//! Profile fields (`displayname`, `avatar_url` and custom ones). Written by the user's actor.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct Profile;

impl Table for Profile {
    const DEF: &'static TableDef = &TableDef {
        name: "profile",
        id: 32,
        family: Family::User,
        partition: &[text("user")],
        clustering: &[text("field")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = (String,);
    type Row = ProfileRow;
}

/// A field.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProfileRow {
    /// Its value.
    pub value: Box<RawValue>,
}
