//! Which thread a receipt is for, and whether an event is in it.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#threaded-read-receipts>

use playhouse_storage::Store;
use ruma::OwnedEventId;

use crate::{
    room::{RoomError, RoomEvent, RoomView},
    timeline::thread::Lineage,
};

const MAIN: &str = "main";

/// The thread of a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thread {
    /// The whole room, whatever thread.
    Unthreaded,
    /// The main timeline: what is in no thread.
    Main,
    /// The thread under this event.
    Under(OwnedEventId),
}

impl Thread {
    /// Reads a `thread_id`; `None` if it is neither `main` nor an event's id.
    pub fn parse(thread_id: &str) -> Option<Self> {
        if thread_id == MAIN {
            return Some(Self::Main);
        }
        OwnedEventId::try_from(thread_id).ok().map(Self::Under)
    }

    /// As it stands in the key of a receipt.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Unthreaded => "",
            Self::Main => MAIN,
            Self::Under(root) => root.as_str(),
        }
    }
}

/// Whether a receipt for the thread may be at the event. One for a thread may also be at what the thread begins with.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn holds(
    store: &Store,
    view: &RoomView,
    thread: &Thread,
    event: &RoomEvent,
) -> Result<bool, RoomError> {
    Ok(match thread {
        Thread::Unthreaded => true,
        Thread::Main => Lineage::of(store, view, event).await?.is_in_main(),
        Thread::Under(root) => Lineage::of(store, view, event).await?.touches(root),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_id_is_main_or_an_event() {
        assert_eq!(Thread::parse("main"), Some(Thread::Main));
        assert_eq!(Thread::parse("$root").unwrap().name(), "$root");
        for wrong in ["", "Main", "root", "!room:x"] {
            assert_eq!(Thread::parse(wrong), None, "{wrong}");
        }
    }
}
