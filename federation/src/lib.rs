//! The server's identity towards other servers.
//!
//! | Module | Holds |
//! |---|---|
//! | [`server_key`] | the key that signs our events and requests |

pub mod server_key;

pub use server_key::{ServerKey, ServerKeyError};
