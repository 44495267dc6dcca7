//! `/_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}`: the key of a session.

pub mod delete;
pub mod get;
pub mod put;
