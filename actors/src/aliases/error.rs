//! Why an alias was not made, removed or named.

use playhouse_storage::StoreError;
use ruma::OwnedRoomAliasId;

use crate::room::RoomError;

/// A refusal or a failure of an alias operation. Each variant is one answer to the client.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AliasError {
    /// The name cannot be an alias of this server; the text says why.
    #[error("{0}")]
    BadName(&'static str),
    /// Another room has the alias already.
    #[error("this alias exists already")]
    Taken,
    /// There is no such alias.
    #[error("there is no such alias on this server")]
    Unknown,
    /// The asker neither made the alias nor may change the room's aliases.
    #[error("you may remove only aliases that you made, or those of rooms whose aliases you may change")]
    NotYours,
    /// The content of the event is not what it should be; the text says how.
    #[error("{0}")]
    Malformed(&'static str),
    /// An alias in the event does not lead to the room.
    #[error("the alias {alias} does not lead to this room")]
    LeadsElsewhere {
        /// The alias.
        alias: OwnedRoomAliasId,
    },
    /// The room's own answer, or the store's.
    #[error(transparent)]
    Room(#[from] RoomError),
}

impl From<StoreError> for AliasError {
    fn from(error: StoreError) -> Self {
        Self::Room(error.into())
    }
}
