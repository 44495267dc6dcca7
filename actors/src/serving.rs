//! What other servers ask of our rooms.
//!
//! | File | Holds |
//! |---|---|
//! | `access` | which server may ask about which room |
//! | `sight` | what a server may see of an event, by the visibility at the event |
//! | `events` | single events, and pieces of history |
//! | `state` | states, and what they cite |
//! | `make` | templates of member events |
//! | `send` | member events that come back signed |
//! | `restricted` | joins for which a user of ours vouches |
//! | `error` | why nothing is served |
//!
//! A room that nobody of this server is in is served to nobody: its log tells old things.
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#retrieving-events>

mod access;
mod error;
mod events;
mod make;
mod restricted;
mod send;
mod sight;
mod state;

pub use error::ServingError;
pub use events::{MissingEvents, backfill, event, missing_events};
pub use make::{Template, make};
pub use send::{SentJoin, send_join, send_knock, send_leave};
pub use state::{ServedState, event_auth, state, state_ids};
