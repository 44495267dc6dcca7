//! Which thread a receipt is for, and whether an event is in it.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#threaded-read-receipts>

use std::sync::Arc;

use playhouse_storage::Store;
use ruma::{EventId, OwnedEventId};
use serde::Deserialize;

use crate::{
    room::{RoomError, RoomEvent, RoomView},
    timeline::find,
};

/// > Implementations should not recurse infinitely, though: a maximum of 3 hops is recommended to cover indirect
/// > relationships.
const MOST_HOPS: usize = 3;
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

/// How an event refers to another.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Relation {
    rel_type: String,
    event_id: OwnedEventId,
}

impl Relation {
    fn of(event: &RoomEvent) -> Option<Self> {
        #[derive(Deserialize)]
        struct Content {
            #[serde(rename = "m.relates_to")]
            relates_to: Relation,
        }
        event.pdu.content_as::<Content>().ok().map(|content| content.relates_to)
    }
}

/// Whether a receipt for the thread may be at the event.
///
/// > Thread roots are considered to be in the main timeline, as are events that are related to a thread root via
/// > non-thread relations.
///
/// Such an event may also end the thread that it is the root of, since a thread begins there.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn holds(
    store: &Store,
    view: &RoomView,
    thread: &Thread,
    event: &Arc<RoomEvent>,
) -> Result<bool, RoomError> {
    let wanted: Option<&EventId> = match thread {
        Thread::Unthreaded => return Ok(true),
        Thread::Main => None,
        Thread::Under(root) => Some(root),
    };
    let mut event = Some(Arc::clone(event));
    for _ in 0..=MOST_HOPS {
        let Some(here) = event else { break };
        if Some(here.pdu.event_id()) == wanted {
            return Ok(true);
        }
        match Relation::of(&here) {
            None => break,
            Some(relation) if relation.rel_type == "m.thread" => {
                return Ok(wanted == Some(&*relation.event_id));
            }
            Some(relation) => event = find::event(store, view, &relation.event_id).await?,
        }
    }
    Ok(wanted.is_none())
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
