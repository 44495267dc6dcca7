//! Typing notices: in memory only, each with an end.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#typing-notifications>

use ruma::{OwnedUserId, UserId};

use super::machine::Room;

impl Room {
    /// Notes that a user types until a time, or stopped. Answers whether others see a difference.
    pub fn set_typing(&mut self, user: OwnedUserId, until_ms: Option<u64>) -> bool {
        let typing = &mut self.view.typing.users;
        let was = typing.iter().position(|(typist, _)| *typist == user);
        match (was, until_ms) {
            (Some(at), Some(until)) => typing[at].1 = until,
            (Some(at), None) => drop(typing.remove(at)),
            (None, Some(until)) => typing.push((user, until)),
            (None, None) => {}
        }
        let changed = was.is_some() != until_ms.is_some();
        if changed {
            self.typing_changed();
        }
        changed
    }

    /// Drops the notices that ran out. Answers whether there were any.
    pub fn expire_typing(&mut self) -> bool {
        let now = self.workshop.clocks.now_ms();
        let before = self.view.typing.users.len();
        self.view.typing.users.retain(|(_, until)| *until > now);
        let changed = self.view.typing.users.len() != before;
        if changed {
            self.typing_changed();
        }
        changed
    }

    /// Whether `user` types at the moment.
    pub fn is_typing(&self, user: &UserId) -> bool {
        self.view.typing.users.iter().any(|(typist, _)| typist == user)
    }

    fn typing_changed(&mut self) {
        let position = self.workshop.clocks.begin(self.view.room_id.as_str(), 1);
        self.view.typing.pos = position.first();
        self.view.pos = self.view.pos.max(position.first());
        let draft = self.draft();
        draft.typing = true;
        draft.positions.push(position);
    }
}
