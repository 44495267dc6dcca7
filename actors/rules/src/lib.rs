//! The rules of Matrix rooms as pure functions: no async, no I/O, no clock, no chance.
//!
//! | Module | Holds |
//! |---|---|
//! | [`room_version`] | the room versions that we support, and what each of them changes |
//! | [`pdu`] | an event as it was signed, parsed once and shared |
//! | [`builder`] | making an event of our own: canonical JSON, content hash, signature, id |
//! | [`countersign`] | our signature on an event of another server |
//! | [`state`] | the state of a room: a persistent map with parsed views of what is read often |
//! | [`auth`] | whether an event is allowed by a state, and which events it must cite |
//! | [`redact`] | what is left of a redacted event, and who may redact it |
//! | [`visibility`] | who may see which part of the history |
//! | [`push`] | push rules: who is notified of which event |
//! | [`forward_extremities`] | the events that no other follows yet |
//! | [`resolve`] | one state from those of several forks |
//!
//! Everything here is deterministic, so that a test needs no runtime and a crash is replayable from its input.

pub mod auth;
pub mod builder;
pub mod countersign;
pub mod forward_extremities;
pub mod pdu;
pub mod push;
pub mod redact;
pub mod resolve;
pub mod room_version;
pub mod state;
pub mod visibility;

mod glob;
mod text;

#[cfg(test)]
mod testing;

pub use auth::{AuthError, auth_events_for, check_against_state, check_state_independent};
pub use builder::{EventFrame, EventSigner, PduBuilder};
pub use forward_extremities::Extremities;
pub use pdu::{Pdu, PduError, PduStanding};
pub use room_version::RoomVersion;
pub use state::RoomState;
pub use visibility::VisibilityTimeline;
