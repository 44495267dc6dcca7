//! The fallback key of each algorithm. Written by the user's actor; handed out again and again, marked used.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct FallbackKey;

impl Table for FallbackKey {
    const DEF: &'static TableDef = &TableDef {
        name: "fallback_key",
        id: 28,
        family: Family::Encryption,
        partition: &[text("user"), text("device")],
        clustering: &[text("algorithm")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String, String);
    type Clustering = (String,);
    type Row = FallbackKeyRow;
}

/// A fallback key as uploaded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FallbackKeyRow {
    /// Its id within the algorithm.
    pub key_id: String,
    /// The key object.
    pub key: Box<RawValue>,
    /// Whether it has been handed out since its upload.
    pub used: bool,
}
