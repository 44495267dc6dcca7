//! `/_matrix/client/v3/room_keys/version/…`: the backups themselves.

pub mod create;
pub mod current;
pub mod delete;
pub mod get;
pub mod update;
