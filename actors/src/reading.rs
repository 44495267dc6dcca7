//! Who may read a room, and as of when: members now, those who left as of then, everybody where the world may read.
//!
//! | File | Holds |
//! |---|---|
//! | `access` | who may read, and up to where |
//! | `state` | the state as the reader may see it, whole or one key |
//! | `history` | pages of the timeline, and the events around one |
//! | `servers` | which servers are in a room |
//! | `tokens` | places in a room, from the tokens of syncs and pages |
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#getting-events-for-a-room>

mod access;
mod history;
mod servers;
mod state;
mod tokens;

#[cfg(test)]
mod tests;

pub use access::Reading;
pub use history::{Around, HistoryPage, HistoryWish, around, event};
pub use servers::servers_in;
pub use state::Snapshot;
pub use tokens::place;

use crate::room::RoomError;

impl RoomError {
    /// The same to somebody who must not learn whether the room exists: an unknown room looks like a closed one.
    pub(crate) fn hiding_unknown_room(self) -> Self {
        match self {
            Self::UnknownRoom => Self::Forbidden("you are not in this room".to_owned()),
            error => error,
        }
    }
}
