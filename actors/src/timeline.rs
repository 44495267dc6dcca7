//! Reading a room's history: what a user may see of it, and how it looks to clients.
//!
//! | File | Holds |
//! |---|---|
//! | `render` | an event as a client gets it, `unsigned` included |
//! | `visibility` | what a user may see, by the visibility and the membership *at the event* |
//! | `state_at` | the room's state after an event, by rewinding the current one |
//! | `find` | one event by id |
//! | `thread` | which thread an event is in |
//! | `page` | pages of history, both ways, and their tokens |
//! | `context` | the events around one |

pub mod context;
pub mod find;
pub mod page;
pub mod render;
pub mod state_at;
pub mod thread;
pub mod visibility;

pub use render::Reader;
