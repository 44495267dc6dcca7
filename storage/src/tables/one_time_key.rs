//! One-time keys in upload order (`order`: the position of the upload). Uploaded and taken by claim only: a key is handed out at
//! most once, ever. The row of no algorithm, [`UPLOADS`], holds the order of the newest upload; each upload is conditional on it,
//! so that of an upload of unknown outcome and its repetition one is refused. The row [`TAKEN`] holds the number of the newest
//! claim that took a key, so that one of unknown outcome is known again.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::table::{Family, Table, TableDef, WrittenBy, int, text};

/// The table.
#[derive(Debug)]
pub struct OneTimeKey;

impl Table for OneTimeKey {
    const DEF: &'static TableDef = &TableDef {
        name: "one_time_key",
        id: 27,
        family: Family::Encryption,
        partition: &[text("user"), text("device")],
        clustering: &[text("algorithm"), int("order"), text("key_id")],
        written_by: WrittenBy::Claim,
        ttl: None,
    };
    type Partition = (String, String);
    type Clustering = (String, i64, String);
    type Row = OneTimeKeyRow;
}

/// Where the order of a device's newest upload stands.
pub const UPLOADS: (&str, i64, &str) = ("", 0, "");

/// Where the number of the newest taking stands.
pub const TAKEN: (&str, i64, &str) = ("", 1, "");

/// A one-time key as uploaded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OneTimeKeyRow {
    /// The key object or string.
    pub key: Box<RawValue>,
}
