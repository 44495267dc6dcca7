//! `/_matrix/client/v3/directory/room/{roomAlias}`

pub mod delete;
pub mod get;
pub mod put;
