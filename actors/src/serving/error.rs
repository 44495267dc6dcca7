//! Why nothing is served.

use ruma::{OwnedServerName, RoomVersionId};

use crate::{ingest::IngestError, room::RoomError};

/// A refusal or a failure. Each variant is one answer to the other server.
#[derive(Debug, thiserror::Error)]
pub enum ServingError {
    /// There is no such room or event here, or none that the asker may know of: all alike.
    #[error("there is no such room or event here for {0}")]
    NotFound(OwnedServerName),
    /// The asker is not in the room, or is shut out of it.
    #[error("{0}")]
    Forbidden(String),
    /// The other server does not know the room's version.
    #[error("the room has version {0}, which your server does not support")]
    IncompatibleVersion(RoomVersionId),
    /// Nobody here can tell whether the user may join.
    #[error(
        "this server is in none of the rooms whose members may join, so it cannot tell whether the user may"
    )]
    UnableToAuthoriseJoin,
    /// The user may join, but nobody here can let them in.
    #[error("nobody on this server may let people into this room")]
    UnableToGrantJoin,
    /// What came is not what it should be.
    #[error("{0}")]
    Malformed(String),
    /// The room's own answer.
    #[error(transparent)]
    Room(#[from] RoomError),
}

impl From<IngestError> for ServingError {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Room(error) => Self::Room(error),
            IngestError::Malformed(why) => Self::Malformed(why),
            IngestError::Rejected(_) | IngestError::MissingAuth(_) | IngestError::MissingPrev(_) => {
                Self::Forbidden(error.to_string())
            }
        }
    }
}
