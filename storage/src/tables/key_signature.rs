//! Signatures uploaded for the keys of a user: `target` is a device id or the public part of a cross-signing key. Those of other
//! users are shown to the signer only. Written by the signer's actor; deleted by the user's own with the key that they are of.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct KeySignature;

impl Table for KeySignature {
    const DEF: &'static TableDef = &TableDef {
        name: "key_signature",
        id: 26,
        family: Family::Encryption,
        partition: &[text("user")],
        clustering: &[text("target"), text("signer"), text("key_id")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = (String, String, String);
    type Row = KeySignatureRow;
}

/// A signature.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeySignatureRow {
    /// Unpadded base64.
    pub signature: String,
}
