//! `/_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}`

pub mod get;
pub mod put;
