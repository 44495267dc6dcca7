//! Events that go out to other servers, in the order of their positions: after a crash the events behind the last checkpoint
//! are handed to their destinations again. One row an event, however many the destinations are. Written with the append.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::table::{Family, Table, TableDef, WrittenBy, int, text};

/// Microseconds of positions that lie in one partition of a slot.
pub const BUCKET: i64 = 3_600_000_000;
/// How long a row lives: a server that was away for longer is caught up by its rooms' next events.
pub const LIFE: Duration = Duration::from_hours(7 * 24);

/// The table.
#[derive(Debug)]
pub struct OutboundEvent;

impl Table for OutboundEvent {
    const DEF: &'static TableDef = &TableDef {
        name: "outbound_event",
        id: 59,
        family: Family::Meta,
        partition: &[int("slot"), int("bucket")],
        clustering: &[int("pos"), text("room")],
        written_by: WrittenBy::Write,
        ttl: Some(LIFE),
    };
    type Partition = (i64, i64);
    type Clustering = (i64, String);
    type Row = OutboundEventRow;
}

/// Where the event is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OutboundEventRow {
    /// Its row in the log of the room.
    pub seq: i64,
}
