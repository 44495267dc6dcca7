//! How often a registration token was used. Counted by claim.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct RegistrationToken;

impl Table for RegistrationToken {
    const DEF: &'static TableDef = &TableDef {
        name: "registration_token",
        id: 38,
        family: Family::Meta,
        partition: &[text("token")],
        clustering: &[],
        written_by: WrittenBy::Claim,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = ();
    type Row = RegistrationTokenRow;
}

/// Uses of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationTokenRow {
    /// Completed registrations.
    pub completed: u64,
}
