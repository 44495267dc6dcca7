//! Why a membership did not change.

use playhouse_storage::StoreError;
use ruma::{OwnedServerName, OwnedUserId};

use crate::{room::RoomError, user::UserError};

/// A refusal or a failure of a change of membership. Each variant is one answer to the client.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MembershipError {
    /// There is no such room to enter.
    #[error("this server does not know that room, and it does not talk to other servers")]
    UnknownRoom,
    /// Nobody says which servers are in the room.
    #[error("this server is not in that room, and no server is named that is: name one with via")]
    NoServer,
    /// Another server refuses.
    #[error("{server} refuses: {errcode}")]
    Refused {
        /// The server.
        server: OwnedServerName,
        /// Its `errcode`; empty where there is none.
        errcode: String,
    },
    /// Another server does not answer, or not with anything usable.
    #[error("{server} cannot be used for this: {reason}")]
    NotReached {
        /// The server.
        server: OwnedServerName,
        /// What happened.
        reason: String,
    },
    /// The invited user is on another server.
    #[error("{user} is on another server, and this one does not talk to other servers")]
    OtherServer {
        /// The invited user.
        user: OwnedUserId,
    },
    /// The invited user takes no invites.
    #[error("{user} does not take invites")]
    InviteBlocked {
        /// The invited user.
        user: OwnedUserId,
    },
    /// The content cannot be that of a member event; the text says why.
    #[error("{0}")]
    BadContent(String),
    /// The room's own answer.
    #[error(transparent)]
    Room(#[from] RoomError),
    /// The user's stream could not be read.
    #[error(transparent)]
    User(#[from] UserError),
}

impl From<StoreError> for MembershipError {
    fn from(error: StoreError) -> Self {
        Self::Room(error.into())
    }
}
