//! `/_matrix/federation/v1/query/…`

pub mod directory;
pub mod profile;
