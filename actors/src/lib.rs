//! The actors: rooms, user streams and the node hub, supervised and found through one resolver.
//!
//! Nothing here knows HTTP or CQL. The gateway talks to [`Node`]; a [`Node`] talks to a store.

pub mod account_events;
pub mod accounts;
pub mod aliases;
pub mod clock;
pub mod edus;
pub mod erasure;
mod federation;
pub mod founding;
pub mod history;
pub mod hub;
pub mod inbound;
pub mod ingest;
pub mod joining;
pub mod metrics;
pub mod node;
pub mod outbound;
pub mod public_rooms;
pub mod push;
pub mod reading;
pub mod receipts;
pub mod registry;
pub mod reports;
pub mod room;
pub mod sending;
pub mod serving;
pub mod supervision;
pub mod sync;
#[cfg(test)]
mod testing;
pub mod timeline;
pub mod token;
pub mod typing;
pub mod user;
pub mod user_directory;

pub use node::{Node, NodeConfig};
