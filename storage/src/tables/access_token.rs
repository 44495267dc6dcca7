//! Access tokens by the SHA-256 of the token, so that a copy of the store logs nobody in. Written at login and refresh.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct AccessToken;

impl Table for AccessToken {
    const DEF: &'static TableDef = &TableDef {
        name: "access_token",
        id: 21,
        family: Family::User,
        partition: &[text("hash")],
        clustering: &[],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = ();
    type Row = AccessTokenRow;
}

/// Whose token it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccessTokenRow {
    /// The user.
    pub user: String,
    /// The device.
    pub device: String,
    /// When it ends, in milliseconds since the epoch; `None` for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ts: Option<u64>,
}
