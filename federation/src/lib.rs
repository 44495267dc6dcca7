//! Everything between this server and other servers that is neither a table nor an actor.
//!
//! | Module | Holds |
//! |---|---|
//! | [`server_key`] | the key that signs our events and requests |
//! | [`peers`] | which servers this one talks to |
//! | [`egress`] | the one way out: addresses checked, time and size bounded, connections reused |
//! | [`discovery`] | from a server's name to where it answers |
//! | [`x_matrix`] | proof of who sent a request |
//! | [`keys`] | the keys of other servers, and the publication of ours |
//! | [`client`] | requests to other servers |
//! | `verify` | events from outside, checked |
//!
//! [`Federation`] is all of it, wired. What must outlive the process it keeps through [`keys::KeyMemory`].

pub mod client;
pub mod discovery;
pub mod egress;
mod federation;
pub mod keys;
pub mod metrics;
pub mod peers;
pub mod server_key;
mod slots;
mod verify;
pub mod x_matrix;

pub use federation::{AuthError, Federation, Notarized, Settings, StartError};
pub use server_key::{ServerKey, ServerKeyError};
pub use verify::VerifyError;
