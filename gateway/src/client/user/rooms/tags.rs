//! `/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags`

pub mod delete;
pub mod get;
pub mod put;
