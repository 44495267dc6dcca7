//! Cross-signing keys by usage (`master`, `self_signing`, `user_signing`). The first upload is a claim.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct CrossSigningKey;

impl Table for CrossSigningKey {
    const DEF: &'static TableDef = &TableDef {
        name: "cross_signing_key",
        id: 25,
        family: Family::Encryption,
        partition: &[text("user")],
        clustering: &[text("usage")],
        written_by: WrittenBy::Claim,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = (String,);
    type Row = CrossSigningKeyRow;
}

/// A cross-signing key as uploaded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CrossSigningKeyRow {
    /// The key object.
    pub key: Box<RawValue>,
}
