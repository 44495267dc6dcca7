//! `/_matrix/client/v3/room_keys/keys/…`: the keys in a backup.

pub mod delete;
pub mod get;
pub mod put;
pub mod room;
pub mod session;
