//! Account data; room is empty for global data. Push rules, tags, ignored users and fully-read markers live here too. Written by the user's actor.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct AccountData;

impl Table for AccountData {
    const DEF: &'static TableDef = &TableDef {
        name: "account_data",
        id: 31,
        family: Family::User,
        partition: &[text("user")],
        clustering: &[text("room"), text("kind")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = (String, String);
    type Row = AccountDataRow;
}

/// Account data of one type.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccountDataRow {
    /// The content.
    pub content: Box<RawValue>,
    /// The position of its last change.
    pub pos: i64,
}
