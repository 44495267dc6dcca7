//! The rules of Matrix rooms as pure functions: no async, no I/O, no clock, no chance.
//!
//! | Module | Holds |
//! |---|---|
//! | [`room_version`] | the room versions that we support, and what each of them changes |
//! | [`pdu`] | an event as it was signed, parsed once and shared |
//! | [`builder`] | making an event of our own: canonical JSON, content hash, signature, id |
//! | [`state`] | the state of a room: a persistent map with parsed views of what is read often |
//! | [`auth`] | whether an event is allowed by a state, and which events it must cite |
//!
//! Everything here is deterministic, so that a test needs no runtime and a crash is replayable from its input.

pub mod auth;
pub mod builder;
pub mod pdu;
pub mod room_version;
pub mod state;

pub use builder::{EventFrame, EventSigner, PduBuilder};
pub use pdu::{Pdu, PduError, PduStanding};
pub use room_version::RoomVersion;
pub use state::RoomState;
