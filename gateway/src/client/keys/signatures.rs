//! `/_matrix/client/v3/keys/signatures/…`: what the user's keys sign.

pub mod upload;
