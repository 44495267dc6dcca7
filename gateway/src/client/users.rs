//! `/_matrix/client/v3/users/{userId}/…`

pub mod report;
