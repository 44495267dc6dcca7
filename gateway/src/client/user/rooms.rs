//! `/_matrix/client/v3/user/{userId}/rooms/{roomId}/…`

pub mod account_data;
pub mod tags;
