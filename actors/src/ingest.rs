//! Room ingest: events that come from elsewhere, prepared beside the room and appended by it.
//!
//! The room actor never waits (**I3**), so what needs the store, the CPU or (with federation) the network happens here,
//! in an actor of its own for each room: which standing an event has, the state before it, and the state after all
//! forward extremities once it is one of them (**I6**). The result is a [`PreparedEvent`] with a precondition; the room
//! only compares that and appends, or says that it has moved on and the event must be prepared again.
//!
//! | File | Holds |
//! |---|---|
//! | `actor` | the ractor shell, one event at a time |
//! | `prepare` | from a parsed event to a prepared one |
//! | `state` | the state before and after known events, by overlays on the room's linear history |
//! | `gaps` | what an event lacks, asked of the server that sent it |
//! | `outliers` | events without a place in the timeline, judged and kept |
//! | `append` | the room's side: check the precondition, append |

pub mod actor;
pub mod append;
pub mod gaps;
pub mod outliers;
pub mod prepare;
pub mod state;

use playhouse_rules::pdu::{Pdu, PduStanding};
use ruma::OwnedEventId;

use crate::room::StateDelta;
pub use actor::{Ingest, IngestError, Received, Source};

/// An event that is ready for the log, as long as the room stands where it did.
#[derive(Debug, Clone)]
pub struct PreparedEvent {
    /// The event.
    pub pdu: Pdu,
    /// Its standing: accepted, soft-failed or rejected.
    pub standing: PduStanding,
    /// Why it is rejected, if it is.
    pub rejected: Option<String>,
    /// Whether it is for us to send on: it was made here, or its server gave it to us to bring it into the room.
    pub goes_out: bool,
    /// Whether events that it follows are not in the log.
    pub after_gap: bool,
    /// The forward extremities that the rest was computed for.
    pub basis: Vec<OwnedEventId>,
    /// Whether the state before the event is not the room's state before its log row, and how it differs.
    pub overlay: Vec<StateDelta>,
    /// What the event changes in the room's state over all extremities.
    pub changes: Vec<StateDelta>,
}
