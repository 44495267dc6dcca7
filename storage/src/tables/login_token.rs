//! Short-lived tokens that log another device in, by SHA-256. Used once: deleted by claim.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct LoginToken;

impl Table for LoginToken {
    const DEF: &'static TableDef = &TableDef {
        name: "login_token",
        id: 37,
        family: Family::User,
        partition: &[text("hash")],
        clustering: &[],
        written_by: WrittenBy::Claim,
        ttl: Some(Duration::from_mins(10)),
    };
    type Partition = (String,);
    type Clustering = ();
    type Row = LoginTokenRow;
}

/// Whom the token logs in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LoginTokenRow {
    /// The user.
    pub user: String,
    /// When it ends, in milliseconds since the epoch.
    pub expires_ts: u64,
}
