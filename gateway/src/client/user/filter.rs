//! `/_matrix/client/v3/user/{userId}/filter`

pub mod get;
pub mod post;
