//! Accounts. Created by claim (a unique name); changed by claim on the row as it was read.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct Account;

impl Table for Account {
    const DEF: &'static TableDef = &TableDef {
        name: "account",
        id: 20,
        family: Family::User,
        partition: &[text("user")],
        clustering: &[],
        written_by: WrittenBy::Claim,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = ();
    type Row = AccountRow;
}

/// An account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRow {
    /// Argon2 hash of the password in PHC format; `None` where no password logs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<String>,
    /// When it was made, in milliseconds since the epoch.
    pub created_ts: u64,
    /// A server administrator.
    #[serde(default)]
    pub admin: bool,
    /// Deactivated: the name is taken for ever, nobody logs in.
    #[serde(default)]
    pub deactivated: bool,
    /// The user asked for erasure when deactivating.
    #[serde(default)]
    pub erased: bool,
    /// Locked: every request is refused with a soft logout.
    #[serde(default)]
    pub locked: bool,
    /// Suspended: may read, leave and redact own events.
    #[serde(default)]
    pub suspended: bool,
    /// The terms that the user agreed to, by policy id and version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agreed_terms: Vec<String>,
}
