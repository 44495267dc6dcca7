//! Tokens by which a third party finds out who somebody is, by SHA-256. Written by the accounts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct OpenidToken;

/// How long a token lives.
pub const LIFE: Duration = Duration::from_hours(1);

impl Table for OpenidToken {
    const DEF: &'static TableDef = &TableDef {
        name: "openid_token",
        id: 70,
        family: Family::User,
        partition: &[text("hash")],
        clustering: &[],
        written_by: WrittenBy::Write,
        ttl: Some(LIFE),
    };
    type Partition = (String,);
    type Clustering = ();
    type Row = OpenidTokenRow;
}

/// Who that is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OpenidTokenRow {
    /// The user.
    pub user: String,
    /// When it ends, in milliseconds since the epoch.
    pub expires_ts: u64,
}
