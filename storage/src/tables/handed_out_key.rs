//! One-time keys that were handed out, by what they hashed to, so that an upload that is repeated because its answer was
//! lost does not bring them back. Written by the claim that hands the key out; read at upload. Rows live 90 days.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct HandedOutKey;

impl Table for HandedOutKey {
    const DEF: &'static TableDef = &TableDef {
        name: "handed_out_key",
        id: 39,
        family: Family::Encryption,
        partition: &[text("user"), text("device")],
        clustering: &[text("algorithm"), text("key_id")],
        written_by: WrittenBy::Write,
        ttl: Some(Duration::from_hours(90 * 24)),
    };
    type Partition = (String, String);
    type Clustering = (String, String);
    type Row = HandedOutKeyRow;
}

/// A key that was handed out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HandedOutKeyRow {
    /// SHA-256 of its canonical JSON, in unpadded base64: another key under the same id is a new key.
    pub sha256: String,
}
