//! `/_matrix/client/v3/directory/list/room/{roomId}`

pub mod get;
pub mod put;
