//! Why an event is not allowed.

use ruma::OwnedUserId;

use crate::state::Level;

/// The refusal of an event. Each is a sentence that a client can act on: answer it with 403 `M_FORBIDDEN`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The state has no create event: there is no room.
    #[error("The room has no create event.")]
    NoRoom,
    /// The room was created for one server only.
    #[error("The room does not federate, and {sender} is not on its server.")]
    NotFederated {
        /// Who sent the event.
        sender: OwnedUserId,
    },
    /// The sender is not in the room.
    #[error("{sender} is not in the room.")]
    NotJoined {
        /// Who sent the event.
        sender: OwnedUserId,
    },
    /// The sender's power level is too low.
    #[error("To send `{kind}` in this room needs power level {}, and {sender} has {}.", i64::from(*needed), i64::from(*has))]
    PowerTooLow {
        /// The event's type.
        kind: String,
        /// Who sent the event.
        sender: OwnedUserId,
        /// The level that the type needs.
        needed: Level,
        /// The level that the sender has.
        has: Level,
    },
    /// A state key that is a user id belongs to that user.
    #[error("Only {state_key} may set this state.")]
    StateOfAnotherUser {
        /// The state key.
        state_key: String,
    },
    /// A create event that follows others, with a state key or without.
    #[error("A room is created once, and not by sending an event.")]
    CreatedAlready,
    /// A rule of the room's version.
    #[error("The rules of the room do not allow it: {0}.")]
    Rule(String),
    /// The content lacks what is needed to say which events authorize it.
    #[error("The content of the event is not valid: {0}.")]
    Content(String),
}
