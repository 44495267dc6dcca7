//! A user's feed: which rooms the user has, how far each has come, and what the user's own stream holds.
//!
//! The hub marks it, the user's actor updates its data, syncs read it. It is the in-memory half of the user stream.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use playhouse_storage::tables::user_room::UserRoomRow;
use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId, events::room::member::MembershipState};
use tokio::sync::watch;

use crate::{
    room::{RoomEvent, RoomView, StateDelta},
    sync::{lazy::SentMembers, unread::UnreadMemory},
    user::data::UserData,
};

/// A user's rooms and data, and the bell that wakes waiting syncs.
pub struct UserFeed {
    user: OwnedUserId,
    rooms: Mutex<HashMap<OwnedRoomId, RoomStanding>>,
    data: ArcSwap<UserData>,
    unread: UnreadMemory,
    sent_members: SentMembers,
    bell: watch::Sender<u64>,
    suspect: AtomicBool,
    closed: AtomicBool,
}

/// A user's standing in a room.
#[derive(Debug, Clone)]
pub struct RoomStanding {
    /// The membership.
    pub membership: MembershipState,
    /// The member event's place in the log.
    pub seq: i64,
    /// Its position.
    pub pos: i64,
    /// Who sent it.
    pub sender: String,
    /// The membership before it, where this process saw the change.
    pub previous: Option<MembershipState>,
    /// Stripped state, with an invite or a knock: a JSON array.
    pub stripped: Option<Arc<serde_json::value::RawValue>>,
    /// The user forgot the room.
    pub forgotten: bool,
    /// The room's newest activity that concerns the user.
    pub last_pos: i64,
}

impl RoomStanding {
    /// The standing that a stored row says.
    pub fn from_row(row: UserRoomRow) -> Self {
        Self {
            membership: MembershipState::from(row.membership),
            seq: row.seq,
            pos: row.pos,
            sender: row.sender,
            previous: None,
            stripped: row.stripped.map(Arc::from),
            forgotten: row.forgotten,
            last_pos: row.pos,
        }
    }
}

impl UserFeed {
    /// A feed that knows nothing yet.
    pub fn new(user: OwnedUserId) -> Arc<Self> {
        Arc::new(Self {
            user,
            rooms: Mutex::default(),
            data: ArcSwap::from_pointee(UserData::default()),
            unread: UnreadMemory::default(),
            sent_members: SentMembers::default(),
            bell: watch::Sender::new(0),
            suspect: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        })
    }

    /// Whose feed it is.
    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// The user's own stream.
    pub fn data(&self) -> Arc<UserData> {
        self.data.load_full()
    }

    /// Replaces the user's own stream after a commit.
    pub fn set_data(&self, data: UserData) {
        self.data.store(Arc::new(data));
    }

    /// Whether the user's own stream is in it.
    pub fn is_loaded(&self) -> bool {
        self.data.load().compiled_push_rules.is_some()
    }

    /// What was counted as unread.
    pub const fn unread(&self) -> &UnreadMemory {
        &self.unread
    }

    /// Which members the user's devices have been sent.
    pub const fn sent_members(&self) -> &SentMembers {
        &self.sent_members
    }

    /// Every room and the user's standing in it.
    pub fn rooms(&self) -> Vec<(OwnedRoomId, RoomStanding)> {
        self.rooms.lock().iter().map(|(room, standing)| (room.clone(), standing.clone())).collect()
    }

    /// The user's standing in a room.
    pub fn standing(&self, room_id: &RoomId) -> Option<RoomStanding> {
        self.rooms.lock().get(room_id).cloned()
    }

    /// The rooms whose activity after `since(room)` the user may not have seen.
    pub fn changed_rooms(&self, since: impl Fn(&RoomId) -> i64) -> Vec<(OwnedRoomId, RoomStanding)> {
        let rooms = self.rooms.lock();
        let changed = rooms.iter().filter(|(room, standing)| standing.last_pos > since(room));
        changed.map(|(room, standing)| (room.clone(), standing.clone())).collect()
    }

    /// The rooms that the user has joined.
    pub fn joined_rooms(&self) -> Vec<OwnedRoomId> {
        let rooms = self.rooms.lock();
        let joined = rooms.iter().filter(|(_, standing)| standing.membership == MembershipState::Join);
        joined.map(|(room, _)| room.clone()).collect()
    }

    /// Merges a stored standing in; what the hub told since is newer and stays.
    pub fn load_room(&self, room_id: OwnedRoomId, row: UserRoomRow) {
        let mut rooms = self.rooms.lock();
        let standing = RoomStanding::from_row(row);
        match rooms.get(&room_id) {
            Some(present) if present.pos >= standing.pos => {}
            _ => drop(rooms.insert(room_id, standing)),
        }
    }

    /// Notes activity in a joined room.
    pub fn note_activity(&self, room_id: &RoomId, pos: i64) {
        if let Some(standing) = self.rooms.lock().get_mut(room_id) {
            standing.last_pos = standing.last_pos.max(pos);
        }
    }

    /// Notes a change of the user's membership; answers whether the user is now joined.
    pub fn note_membership(&self, view: &RoomView, event: &RoomEvent, change: &StateDelta) -> bool {
        let membership = |pdu: &playhouse_rules::pdu::Pdu| pdu.membership().cloned();
        let now = change.new.as_ref().and_then(membership).unwrap_or(MembershipState::Leave);
        let joined = now == MembershipState::Join;
        let mut rooms = self.rooms.lock();
        if rooms.get(&view.room_id).is_some_and(|present| present.pos >= event.pos) {
            return joined;
        }
        if !joined {
            self.unread.forget(&view.room_id);
        }
        let standing = RoomStanding {
            membership: now,
            seq: event.seq,
            pos: event.pos,
            sender: event.pdu.sender().to_string(),
            previous: change.old.as_ref().and_then(membership),
            stripped: change.new.as_ref().and_then(|pdu| event.stripped_for(&view.state, pdu)).map(Arc::from),
            forgotten: false,
            last_pos: event.pos,
        };
        rooms.insert(view.room_id.clone(), standing);
        joined
    }

    /// Marks a room as forgotten.
    pub fn forget(&self, room_id: &RoomId) {
        if let Some(standing) = self.rooms.lock().get_mut(room_id) {
            standing.forgotten = true;
        }
    }

    /// Listens to the bell; subscribe before looking at anything.
    pub fn listen(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }

    /// Wakes waiting syncs.
    pub fn wake(&self) {
        self.bell.send_modify(|rings| *rings += 1);
    }

    /// Whether a sync waits on it.
    pub fn is_watched(&self) -> bool {
        self.bell.receiver_count() > 0
    }

    /// Something meant for the feed may have been lost: it must be loaded again before it is believed.
    pub fn suspect_all(&self) {
        self.suspect.store(true, Ordering::Release);
    }

    /// Whether the feed must be loaded again; the asker does so.
    pub fn take_suspicion(&self) -> bool {
        self.suspect.swap(false, Ordering::AcqRel)
    }

    /// Ends the feed: its readers get a new one.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.wake();
    }

    /// Whether the feed has ended.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}
