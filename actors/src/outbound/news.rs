//! Typing and receipts of our users: the last word counts, and none outlives the process.

use ruma::{EventId, ServerName, UserId};

use super::{Outbound, backlog::ReadUpTo};
use crate::room::RoomView;

impl Outbound {
    /// Tells the servers of a room that a user of ours types, or stopped.
    pub(crate) fn send_typing(&self, view: &RoomView, user: &UserId, is_typing: bool) {
        for server in self.others(view) {
            let destination = self.destination(server);
            if destination.is_failing() {
                continue;
            }
            destination.backlog().note_typing(&view.room_id, user.to_owned(), is_typing);
            self.wake(&destination);
        }
    }

    /// Tells the servers of a room how far a user of ours has read, in a thread or in the whole room.
    pub(crate) fn send_receipt(
        &self,
        view: &RoomView,
        user: &UserId,
        event_id: &EventId,
        thread: Option<&str>,
    ) {
        let of = (view.room_id.clone(), user.to_owned(), thread.map(ToOwned::to_owned));
        let read = ReadUpTo { event_id: event_id.to_owned(), ts: self.clocks.now_ms() };
        for server in self.others(view) {
            let destination = self.destination(server);
            destination.backlog().note_receipt(of.clone(), read.clone());
            self.wake(&destination);
        }
    }

    fn others<'v>(&self, view: &'v RoomView) -> impl Iterator<Item = &'v ServerName> {
        let allowed = |server: &&ServerName| **server != *self.us && view.state.server_acl().allows(server);
        view.state.joined_servers().filter(allowed)
    }
}
