//! Refresh tokens by the SHA-256 of the token. Rotated by claim: a token is exchanged once, and stays good until the pair
//! that it was exchanged for has been used.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct RefreshToken;

impl Table for RefreshToken {
    const DEF: &'static TableDef = &TableDef {
        name: "refresh_token",
        id: 22,
        family: Family::User,
        partition: &[text("hash")],
        clustering: &[],
        written_by: WrittenBy::Claim,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = ();
    type Row = RefreshTokenRow;
}

/// A refresh token and what it became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshTokenRow {
    /// The user.
    pub user: String,
    /// The device.
    pub device: String,
    /// The hash of the access token issued with it.
    pub access_hash: String,
    /// The hash of the refresh token that replaced it, once exchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
