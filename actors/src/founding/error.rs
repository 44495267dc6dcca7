//! Why a room was not founded.

use playhouse_storage::StoreError;
use ruma::RoomVersionId;

use crate::{aliases::AliasError, joining::MembershipError, room::RoomError};

/// A refusal or a failure of founding a room. Each variant is one answer to the client.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FoundingError {
    /// The room version is not supported.
    #[error("room version {0} is not supported")]
    UnsupportedVersion(RoomVersionId),
    /// The request is malformed; the text says how.
    #[error("{0}")]
    Malformed(String),
    /// The first events contradict one another; the text says how.
    #[error("the first events of the room are not allowed: {0}")]
    InvalidState(String),
    /// The alias cannot be had.
    #[error(transparent)]
    Alias(#[from] AliasError),
    /// Somebody cannot be invited.
    #[error(transparent)]
    Membership(#[from] MembershipError),
    /// The room's own answer, or the store's.
    #[error(transparent)]
    Room(#[from] RoomError),
}

impl From<StoreError> for FoundingError {
    fn from(error: StoreError) -> Self {
        Self::Room(error.into())
    }
}
