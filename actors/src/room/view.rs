//! What everyone but the room's actor sees of a room: an immutable snapshot, replaced after each commit.

use std::sync::Arc;

use imbl::{HashMap, OrdMap, Vector};
use playhouse_rules::{
    forward_extremities::Extremities, pdu::Pdu, room_version::RoomVersion, state::RoomState,
};
use playhouse_storage::tables::receipt::ReceiptRow;
use ruma::{
    EventId, OwnedEventId, OwnedRoomId, OwnedUserId, ServerName, UserId,
    events::room::member::MembershipState,
};

use super::event::RoomEvent;
use crate::sync::unread::QuietRows;

/// Events of the log's end that a view keeps in memory.
pub const TAIL_EVENTS: usize = 200;

/// Whose receipt: user, kind (`m.read` or `m.read.private`), thread (empty: unthreaded).
pub type ReceiptKey = (String, String, String);

/// A room after a commit. Cloning shares everything.
#[derive(Debug, Clone)]
pub struct RoomView {
    /// The room.
    pub room_id: OwnedRoomId,
    /// Its version.
    pub version: &'static RoomVersion,
    /// The state after all forward extremities.
    pub state: RoomState,
    /// The forward extremities.
    pub extremities: Extremities,
    /// The depth of the join by which this server came into the room, 0 if the room was founded here: what lies below is
    /// history, which events that come in now need not bring along.
    pub floor: u64,
    /// Whether no member was ever kept from any part of the history: what syncs ask first, and mostly last.
    pub history_always_open: bool,
    /// The sequence number of the newest event; -1 in an unborn room.
    pub head_seq: i64,
    /// The position of the newest event.
    pub event_pos: i64,
    /// The position of the newest activity: events, receipts, typing.
    pub pos: i64,
    /// The newest events, oldest first.
    pub tail: Vector<Arc<RoomEvent>>,
    /// Redactions of events in the tail or the state, by target.
    pub redactions: HashMap<OwnedEventId, Pdu>,
    /// The newest receipt of each key.
    pub receipts: HashMap<ReceiptKey, ReceiptRow>,
    /// The same receipts by position.
    pub receipts_by_pos: OrdMap<i64, ReceiptKey>,
    /// Who types.
    pub typing: Typing,
    /// Rows of the log that notify nobody; shared by all views of an activation.
    pub quiet_rows: Arc<QuietRows>,
}

/// Whether a visibility lets every member see everything, also from before joining.
pub fn is_open(visibility: &str) -> bool {
    matches!(visibility, "shared" | "world_readable")
}

/// Who types in a room, and since which position that is so.
#[derive(Debug, Clone, Default)]
pub struct Typing {
    /// The position of the last change; 0 if nobody ever typed.
    pub pos: i64,
    /// Who types, until when in milliseconds since the epoch.
    pub users: Vec<(OwnedUserId, u64)>,
}

impl RoomView {
    /// A room before its create event.
    pub fn unborn(room_id: OwnedRoomId, version: &'static RoomVersion) -> Self {
        Self {
            room_id,
            version,
            state: RoomState::new(version),
            extremities: Extremities::new(),
            floor: 0,
            history_always_open: true,
            head_seq: -1,
            event_pos: 0,
            pos: 0,
            tail: Vector::new(),
            redactions: HashMap::new(),
            receipts: HashMap::new(),
            receipts_by_pos: OrdMap::new(),
            typing: Typing::default(),
            quiet_rows: Arc::default(),
        }
    }

    /// Whether a user of `server`, this one, is in the room.
    pub fn is_resident(&self, server: &ServerName) -> bool {
        self.state.is_server_joined(server)
    }

    /// Whether users of other servers than `server` are in the room, as far as is known.
    pub fn has_others(&self, server: &ServerName) -> bool {
        self.state.joined_servers().any(|other| other != server)
    }

    /// Whether the log of `server`, this one, is the truth about the room: somebody of it is in, or it is a room that nobody
    /// else is in either. Of any other room it tells old things, or nothing but invites.
    pub fn is_current(&self, server: &ServerName) -> bool {
        self.is_resident(server) || (!self.extremities.is_empty() && !self.has_others(server))
    }

    /// A user of `server`, this one, who may invite, and so let people in by their membership elsewhere.
    pub fn local_user_who_may_invite(&self, server: &ServerName) -> Option<OwnedUserId> {
        let levels = self.state.power_levels();
        let mut own = self.state.joined_members().filter(|user| user.server_name() == server);
        own.find(|user| levels.user_level(user) >= levels.invite()).map(ToOwned::to_owned)
    }

    /// Whether a user is invited, or knocks.
    pub fn is_outside(&self, user: &UserId) -> bool {
        matches!(self.state.membership(user), Some(MembershipState::Invite | MembershipState::Knock))
    }

    /// The ids of the forward extremities, in their order.
    pub fn extremity_ids(&self) -> Vec<OwnedEventId> {
        self.extremities.iter().map(|extremity| extremity.event_id.clone()).collect()
    }

    /// The event of the tail with this id.
    pub fn recent(&self, event_id: &EventId) -> Option<&Arc<RoomEvent>> {
        self.tail.iter().rev().find(|event| event.pdu.event_id() == event_id)
    }

    /// The sequence number of the oldest event in the tail; beyond the head when the tail is empty.
    pub fn tail_start(&self) -> i64 {
        self.tail.front().map_or(self.head_seq + 1, |event| event.seq)
    }

    /// Whether the tail holds every event after position `pos`.
    pub fn tail_covers(&self, pos: i64) -> bool {
        self.tail.front().is_none_or(|oldest| oldest.seq == 0 || oldest.pos <= pos)
    }

    /// The events of the tail after position `pos`, oldest first.
    pub fn tail_after(&self, pos: i64) -> impl DoubleEndedIterator<Item = &Arc<RoomEvent>> {
        let first = self.tail.binary_search_by(|event| event.pos.cmp(&pos).then(std::cmp::Ordering::Less));
        let first = first.unwrap_or_else(|at| at);
        self.tail_from(first)
    }

    /// The events of the tail from an index on. By index: an iterator of the vector skips one by one.
    pub fn tail_from(&self, first: usize) -> impl DoubleEndedIterator<Item = &Arc<RoomEvent>> {
        (first..self.tail.len()).map(|index| &self.tail[index])
    }

    /// Puts a receipt in, replacing the older one of its key.
    pub fn set_receipt(&mut self, key: ReceiptKey, receipt: ReceiptRow) {
        let pos = receipt.pos;
        if let Some(old) = self.receipts.insert(key.clone(), receipt) {
            self.receipts_by_pos.remove(&old.pos);
        }
        self.receipts_by_pos.insert(pos, key);
        self.pos = self.pos.max(pos);
    }

    /// Memory that the view holds, for the cache budget: a rough sum over its parts.
    pub fn estimated_bytes(&self) -> usize {
        const STATE_ENTRY_BYTES: usize = 1_500;
        const RECEIPT_BYTES: usize = 400;
        self.tail.iter().map(|event| event.estimated_bytes()).sum::<usize>()
            + self.state.len() * STATE_ENTRY_BYTES
            + self.receipts.len() * RECEIPT_BYTES
            + self.quiet_rows.estimated_bytes()
    }
}
