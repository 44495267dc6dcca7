//! `/_matrix/client/v3/room_keys/keys/{roomId}`: the keys of a room.

pub mod delete;
pub mod get;
pub mod put;
