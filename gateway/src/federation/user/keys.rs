//! `/_matrix/federation/v1/user/keys/…`

pub mod claim;
pub mod query;
