//! What lies in the gaps of a room's log: history from before this server joined, and what it missed.
//!
//! A log row after which there is a gap says so ([`RoomEvent::after_gap`](crate::room::RoomEvent)). Whoever pages back into the gap
//! has it filled from other servers, a hundred events at a time, newest first; each gets a number in its gap. So the log itself
//! only ever grows at its end, and stream positions and syncs know nothing of history.
//!
//! | File | Holds |
//! |---|---|
//! | `rows` | the events of a gap, as they are kept |
//! | `fill` | asking other servers for more of them |
//! | `walk` | from events in any order to their place, and the visibility that each was sent under (pure) |
//! | `page` | pages that go through gaps |

mod fill;
pub mod page;
mod rows;
mod walk;

pub(crate) use fill::Filling;
pub use rows::{event, place_of};
