//! Why a room refused a request.

use std::time::Duration;

use playhouse_rules::{auth::AuthError, builder::BuildError};
use playhouse_storage::StoreError;

/// A refusal or a failure of a room operation. Each variant is one answer to the client.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RoomError {
    /// No such room on this server, or none that the asker may know of.
    #[error("there is no such room on this server")]
    UnknownRoom,
    /// The rules of the room forbid it; the text says which.
    #[error("{0}")]
    Forbidden(String),
    /// The event itself is malformed; the text says how.
    #[error("{0}")]
    BadEvent(String),
    /// The event passes a size limit of the specification; the text says which.
    #[error("{0}")]
    TooLarge(String),
    /// The room rejects the request in its present state (already joined, not banned and the like).
    #[error("{0}")]
    BadState(String),
    /// No local user may grant a restricted join, or the conditions are not met here.
    #[error("you are in none of the rooms that let people join this one")]
    RestrictedJoinNotAllowed,
    /// The conditions of a restricted join are met, but nobody local may let people in.
    #[error("nobody on this server may let people into this room")]
    NobodyMayGrant,
    /// Too many requests wait for this room already.
    #[error("too many requests wait for this room")]
    Busy,
    /// The room failed three times in a minute and is left alone for a while.
    #[error("the room is out of service for a while after repeated failures")]
    Quarantined {
        /// When it is tried again.
        retry_after: Duration,
    },
    /// The outcome is unknown or the store cannot be reached; the same transaction may be sent again.
    #[error("the room cannot be written to at the moment")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
    /// The room's rows cannot be read.
    #[error("the room cannot be loaded: {0}")]
    Corrupt(String),
}

impl RoomError {
    /// A failure that a retry in a moment will mend.
    pub const fn retry() -> Self {
        Self::Unavailable { retry_after: Duration::from_secs(1) }
    }
}

impl From<AuthError> for RoomError {
    fn from(error: AuthError) -> Self {
        Self::Forbidden(error.to_string())
    }
}

impl From<BuildError> for RoomError {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::TooLarge { .. } | BuildError::FieldTooLong { .. } => {
                Self::TooLarge(error.to_string())
            }
            _ => Self::BadEvent(error.to_string()),
        }
    }
}

impl From<StoreError> for RoomError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { retry_after, .. } => Self::Unavailable { retry_after },
            StoreError::Poisoned { .. } | StoreError::Rejected { .. } => {
                Self::Unavailable { retry_after: Duration::from_secs(30) }
            }
            StoreError::Corrupt { .. } | StoreError::Misuse { .. } => Self::Corrupt(error.to_string()),
        }
    }
}
