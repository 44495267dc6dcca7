//! To-device messages that wait for a device. Written by the user's actor; read from a sync token's position on and deleted by
//! one range once the client shows a later token.
//!
//! Rows below 0 are no messages: the one at [`READ_UP_TO`] says what the device has shown to have, the others are the marks
//! of transactions, each with a life of a day, and say where the message of the transaction stands.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::table::{Family, Table, TableDef, WrittenBy, int, text};

/// The table.
#[derive(Debug)]
pub struct ToDevice;

impl Table for ToDevice {
    const DEF: &'static TableDef = &TableDef {
        name: "to_device",
        id: 30,
        family: Family::Encryption,
        partition: &[text("user"), text("device")],
        clustering: &[int("pos")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String, String);
    type Clustering = (i64,);
    type Row = ToDeviceRow;
}

/// Where the row stands that says up to which position the device has everything.
pub const READ_UP_TO: i64 = i64::MIN;

/// A message; of a row below 0 a position in its place.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ToDeviceRow {
    /// `sender`, `type` and `content`, as the client gets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Box<RawValue>>,
    /// Where the mark of a message's transaction stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<i64>,
    /// The position that a row below 0 tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pos: Option<i64>,
}

impl ToDeviceRow {
    /// A message, and where the mark of its transaction stands.
    pub const fn message(message: Box<RawValue>, mark: Option<i64>) -> Self {
        Self { message: Some(message), mark, pos: None }
    }

    /// A row below 0 that tells a position.
    pub const fn mark(pos: i64) -> Self {
        Self { message: None, mark: None, pos: Some(pos) }
    }
}
