//! What was counted before, room by room: one small entry for each room that the user has joined.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use ruma::{OwnedRoomId, RoomId};

use super::tally::Tally;

/// What was counted for one user.
#[derive(Debug, Default)]
pub struct UnreadMemory {
    rooms: Mutex<HashMap<OwnedRoomId, Arc<Tally>>>,
}

impl UnreadMemory {
    /// What was counted of a room.
    pub(super) fn get(&self, room_id: &RoomId) -> Option<Arc<Tally>> {
        self.rooms.lock().get(room_id).cloned()
    }

    /// Remembers what was counted, unless another sync counted further on the same basis.
    pub(super) fn put(&self, room_id: &RoomId, tally: &Arc<Tally>) {
        let mut rooms = self.rooms.lock();
        match rooms.get_mut(room_id) {
            Some(known)
                if known.basis == tally.basis
                    && (known.head_seq, known.pos) >= (tally.head_seq, tally.pos) => {}
            Some(known) => *known = Arc::clone(tally),
            None => drop(rooms.insert(room_id.to_owned(), Arc::clone(tally))),
        }
    }

    /// Forgets a room that the user left.
    pub fn forget(&self, room_id: &RoomId) {
        self.rooms.lock().remove(room_id);
    }
}
