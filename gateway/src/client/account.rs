//! `/account/`: the caller's account.

pub mod deactivate;
pub mod password;
pub mod third_party_ids;
pub mod whoami;
