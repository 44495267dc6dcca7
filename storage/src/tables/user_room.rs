//! Rooms of a user by membership: a projection of the rooms' logs. Written by the room's actor with the append of a member event
//! (stamp: its position), and by the user's actor when the user forgets the room.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::table::{Family, Table, TableDef, WrittenBy, text};

/// The table.
#[derive(Debug)]
pub struct UserRoom;

impl Table for UserRoom {
    const DEF: &'static TableDef = &TableDef {
        name: "user_room",
        id: 34,
        family: Family::User,
        partition: &[text("user")],
        clustering: &[text("room")],
        written_by: WrittenBy::Write,
        ttl: None,
    };
    type Partition = (String,);
    type Clustering = (String,);
    type Row = UserRoomRow;
}

/// A user's standing in a room.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UserRoomRow {
    /// `join`, `invite`, `knock`, `leave` or `ban`.
    pub membership: String,
    /// The member event.
    pub event_id: String,
    /// Its sequence number in the room's log.
    pub seq: i64,
    /// Its position.
    pub pos: i64,
    /// The sender of the member event.
    pub sender: String,
    /// Stripped state as it was shown with an invite or a knock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stripped: Option<Box<RawValue>>,
    /// The user asked to forget the room.
    #[serde(default)]
    pub forgotten: bool,
}
