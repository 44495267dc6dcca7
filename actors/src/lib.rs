//! The actors: rooms, user streams and the node hub, supervised and found through one resolver.
//!
//! Nothing here knows HTTP or CQL. The gateway talks to [`Node`]; a [`Node`] talks to a store.

pub mod account_events;
pub mod accounts;
pub mod clock;
pub mod hub;
pub mod ingest;
pub mod metrics;
pub mod node;
pub mod push;
pub mod registry;
pub mod room;
pub mod supervision;
pub mod sync;
pub mod timeline;
pub mod token;
pub mod user;

pub use node::{Node, NodeConfig};
