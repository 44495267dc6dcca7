//! `/_matrix/client/v3/user/{userId}/account_data/{type}`

pub mod get;
pub mod put;
