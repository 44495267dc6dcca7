//! The newest receipt of each user, kind (`m.read`, `m.read.private`) and thread (empty: unthreaded) in a room.
//! Written by the room's actor; read at activation.

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct Receipt;

impl Table for Receipt {
    const DEF: &'static TableDef = &TableDef {
        name: "receipt",
        id: 8,
        family: Family::State,
        partition: &[text("room")],
        clustering: &[text("user"), text("kind"), text("thread")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = (String, String, String);
    type Row = ReceiptRow;
}

/// A receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptRow {
    /// The event that was read.
    pub event_id: String,
    /// Its sequence number in the log.
    pub seq: i64,
    /// When, in milliseconds since the epoch.
    pub ts: u64,
    /// The position of the receipt.
    pub pos: i64,
}
