//! How a sync's answer looks on the wire. Events are rendered already.

use std::collections::BTreeMap;

use ruma::{OwnedRoomId, OwnedUserId};
use serde::Serialize;
use serde_json::value::RawValue;

type Event = Box<RawValue>;

/// The answer.
#[derive(Debug, Default, Serialize)]
pub struct SyncResponse {
    /// The next token.
    pub next_batch: String,
    /// Global account data.
    #[serde(skip_serializing_if = "Events::is_empty")]
    pub account_data: Events,
    /// Rooms by membership.
    #[serde(skip_serializing_if = "Rooms::is_empty")]
    pub rooms: Rooms,
    /// To-device messages.
    #[serde(skip_serializing_if = "Events::is_empty")]
    pub to_device: Events,
    /// Whose devices changed.
    #[serde(skip_serializing_if = "DeviceLists::is_empty")]
    pub device_lists: DeviceLists,
    /// One-time keys left, by algorithm.
    pub device_one_time_keys_count: BTreeMap<String, u64>,
    /// Algorithms whose fallback key was not handed out.
    pub device_unused_fallback_key_types: Vec<String>,
}

impl SyncResponse {
    /// Whether there is nothing that a client waits for.
    pub fn is_empty(&self) -> bool {
        self.account_data.is_empty()
            && self.rooms.is_empty()
            && self.to_device.is_empty()
            && self.device_lists.is_empty()
    }
}

/// A list of events.
#[derive(Debug, Default, Serialize)]
pub struct Events {
    /// The events.
    pub events: Vec<Event>,
}

impl Events {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

impl From<Vec<Event>> for Events {
    fn from(events: Vec<Event>) -> Self {
        Self { events }
    }
}

/// Rooms by membership.
#[derive(Debug, Default, Serialize)]
pub struct Rooms {
    /// Joined.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub join: BTreeMap<OwnedRoomId, JoinedRoom>,
    /// Invited.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub invite: BTreeMap<OwnedRoomId, InvitedRoom>,
    /// Knocked.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub knock: BTreeMap<OwnedRoomId, KnockedRoom>,
    /// Left or banned.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub leave: BTreeMap<OwnedRoomId, LeftRoom>,
}

impl Rooms {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.join.is_empty() && self.invite.is_empty() && self.knock.is_empty() && self.leave.is_empty()
    }
}

/// A joined room.
#[derive(Debug, Default, Serialize)]
pub struct JoinedRoom {
    /// Member counts and heroes, where they changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
    /// State at the start of the timeline, as far as it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Events>,
    /// State at the end of the timeline, as far as it is new (if asked for).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_after: Option<Events>,
    /// New events.
    pub timeline: Timeline,
    /// Receipts and typing.
    pub ephemeral: Events,
    /// The user's account data for the room.
    #[serde(skip_serializing_if = "Events::is_empty")]
    pub account_data: Events,
    /// Notification counts.
    pub unread_notifications: UnreadCounts,
    /// Notification counts by thread, if asked for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unread_thread_notifications: BTreeMap<String, UnreadCounts>,
}

impl JoinedRoom {
    /// Whether there is nothing new but counts.
    pub fn is_empty(&self) -> bool {
        let no_state = |state: &Option<Events>| state.as_ref().is_none_or(Events::is_empty);
        self.timeline.events.is_empty()
            && no_state(&self.state)
            && no_state(&self.state_after)
            && self.ephemeral.is_empty()
            && self.account_data.is_empty()
    }
}

/// Counts of what notifies.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct UnreadCounts {
    /// Events that notify.
    pub notification_count: u64,
    /// Those of them that highlight.
    pub highlight_count: u64,
}

/// New events of a room.
#[derive(Debug, Default, Serialize)]
pub struct Timeline {
    /// The events, oldest first.
    pub events: Vec<Event>,
    /// Whether there are more between the last sync and these.
    pub limited: bool,
    /// Where to page back from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prev_batch: Option<String>,
}

/// Member counts and heroes.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    /// Up to five members whose names make a room name.
    #[serde(rename = "m.heroes", skip_serializing_if = "Option::is_none")]
    pub heroes: Option<Vec<OwnedUserId>>,
    /// Joined members.
    #[serde(rename = "m.joined_member_count")]
    pub joined: u64,
    /// Invited members.
    #[serde(rename = "m.invited_member_count")]
    pub invited: u64,
}

/// An invite.
#[derive(Debug, Serialize)]
pub struct InvitedRoom {
    /// Stripped state.
    pub invite_state: RawEvents,
}

/// A knock.
#[derive(Debug, Serialize)]
pub struct KnockedRoom {
    /// Stripped state.
    pub knock_state: RawEvents,
}

/// Events as one rendered array.
#[derive(Debug, Serialize)]
pub struct RawEvents {
    /// The array.
    pub events: std::sync::Arc<RawValue>,
}

/// A left room.
#[derive(Debug, Default, Serialize)]
pub struct LeftRoom {
    /// State at the start of the timeline, as far as it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Events>,
    /// State at the end of the timeline, as far as it is new (if asked for).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_after: Option<Events>,
    /// The last events.
    pub timeline: Timeline,
    /// The user's account data for the room.
    #[serde(skip_serializing_if = "Events::is_empty")]
    pub account_data: Events,
}

/// Whose devices changed.
#[derive(Debug, Default, Serialize)]
pub struct DeviceLists {
    /// Users whose devices or keys changed, or with whom sharing a room began.
    #[serde(skip_serializing_if = "none_set")]
    pub changed: std::collections::BTreeSet<OwnedUserId>,
    /// Users with whom no room is shared any more.
    #[serde(skip_serializing_if = "none_set")]
    pub left: std::collections::BTreeSet<OwnedUserId>,
}

fn none_set<T>(set: &std::collections::BTreeSet<T>) -> bool {
    set.is_empty()
}

impl DeviceLists {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.left.is_empty()
    }
}
