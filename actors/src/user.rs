//! The user stream: one actor for each user with an active session, the single writer of the user's own rows.
//!
//! | File | Holds |
//! |---|---|
//! | `data` | what the user's stream is, in memory |
//! | `actor` | the ractor shell; each write is durable before it is seen or answered |
//! | `message` | what can be said to it |
//! | `account_data`, `tags`, `push_rules`, `filters`, `to_device`, `profile`, `keys`, `backup` | the verbs |
//! | `deactivation` | what goes with the account |
//! | `settlement` | writes of unknown outcome: their positions wait until it is known |
//! | `spread_profile` | a changed profile told to every room of the user |
//! | `directory` | finds or starts the actor of a user |

pub mod account_data;
pub mod actor;
pub mod backup;
pub mod data;
pub mod deactivation;
pub mod directory;
pub mod error;
pub mod filters;
pub mod keys;
pub mod load;
pub mod message;
pub mod profile;
pub mod push_rules;
pub mod settlement;
pub mod spread_profile;
pub mod tags;
pub mod to_device;

pub use directory::{UserHandle, Users};
pub use error::UserError;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
