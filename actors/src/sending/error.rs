//! Why an event was not sent.

use crate::{aliases::AliasError, joining::MembershipError, room::RoomError};

/// A refusal or a failure of sending. Each variant is one answer to the client.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SendError {
    /// The transaction id is longer than 255 bytes.
    #[error("a transaction id has at most 255 bytes")]
    TransactionIdTooLong,
    /// The user is suspended.
    #[error("the user is suspended")]
    Suspended,
    /// The event to redact is not in the room.
    #[error("there is no such event in this room")]
    NothingToRedact,
    /// The content is not what the type of the event asks for; the text says how.
    #[error("{0}")]
    BadContent(String),
    /// An alias in the content does not belong there.
    #[error(transparent)]
    Alias(#[from] AliasError),
    /// The membership does not change.
    #[error(transparent)]
    Membership(#[from] MembershipError),
    /// The room's own answer.
    #[error(transparent)]
    Room(#[from] RoomError),
}
