//! Encryption keys: what devices and users publish so that others can encrypt to them and trust them.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#key-distribution>
//!
//! | File | Holds |
//! |---|---|
//! | `signed` | JSON with signatures: what is signed, and whether a signature is right |
//! | `device_keys`, `one_time_key`, `cross_signing_key` | what a client may upload, checked without a store |
//! | `upload`, `stock`, `claim` | device keys, one-time keys and fallback keys: the verbs of the user's actor |
//! | `cross_signing`, `signatures` | the same for cross-signing keys and what they sign |
//! | `query`, `published`, `changes` | what others see: reads beside the actor |
//! | `claim_all`, `query_all` | keys of many users in one request, also of other servers |
//! | `remote` | what other servers tell of their users, and that it is old |
//! | `message`, `handle` | the requests, and the typed way to make them |

pub mod changes;
pub mod claim;
pub mod claim_all;
pub mod cross_signing;
pub mod cross_signing_key;
pub mod device_keys;
pub mod handle;
pub mod message;
pub mod one_time_key;
pub mod published;
pub mod query;
pub mod query_all;
pub mod remote;
pub mod signatures;
pub mod signed;
pub mod stock;
pub mod upload;

pub use claim::{ClaimedKey, WantedKey};
pub use cross_signing::{CrossSigningOutcome, CrossSigningUpload};
pub use message::KeysRequest;
pub use query::{KeyQuery, QueriedKeys};
pub use signatures::{SignatureFailure, SignedKeys};
pub use upload::KeyUpload;

#[cfg(test)]
mod tests;
