//! `/_matrix/client/v3/user/{userId}/…`: what a user keeps on the server for the user alone.

pub mod account_data;
pub mod filter;
pub mod openid;
pub mod rooms;
