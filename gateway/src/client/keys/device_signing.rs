//! `/_matrix/client/v3/keys/device_signing/…`: the user's cross-signing keys.

pub mod upload;
