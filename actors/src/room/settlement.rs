//! Commits of unknown outcome: their positions stay in flight until the room was loaded anew and shows what became of
//! them. Else a sync token could pass an event that is found in the log later, and the client would never get it.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use ractor::ActorId;
use ruma::OwnedRoomId;
use tokio::runtime::Handle;

use super::{RoomError, Rooms, directory::RoomsInner};
use crate::clock::Pending;

/// How long to wait before a room that could not be loaded is tried again.
const PAUSE: Duration = Duration::from_millis(100);

/// Settles commits of a node's rooms. Holds the rooms loosely: they hold their actors, which hold this.
#[derive(Clone)]
pub struct Settlement(Weak<RoomsInner>);

impl Settlement {
    /// A settlement that loads rooms from these.
    pub(super) fn new(rooms: &Arc<RoomsInner>) -> Self {
        Self(Arc::downgrade(rooms))
    }

    /// Loads the room anew, under another actor than the one that lost the commit, publishes what it shows and lets
    /// the positions go. Gives up on a room that cannot be read: nobody gets anything of it.
    pub fn settle(&self, room_id: OwnedRoomId, lost_by: ActorId, positions: Vec<Pending>) {
        let Some(runtime) = Handle::try_current().ok().filter(|_| !positions.is_empty()) else { return };
        let rooms = self.0.clone();
        runtime.spawn(async move {
            if let Some(rooms) = rooms.upgrade() {
                Rooms::from(rooms).forget(&room_id, lost_by);
            }
            while let Some(inner) = rooms.upgrade() {
                let rooms = Rooms::from(inner);
                match rooms.fresh_view(&room_id).await {
                    Ok(view) => return rooms.hub().hub().settle(&view, positions),
                    Err(RoomError::Unavailable { .. }) => {
                        drop(rooms);
                        tokio::time::sleep(PAUSE).await;
                    }
                    Err(_) => return,
                }
            }
        });
    }
}
