//! Which thread an event is in.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#threaded-read-receipts>

use std::sync::Arc;

use playhouse_storage::Store;
use ruma::{EventId, OwnedEventId};
use serde::Deserialize;

use super::find;
use crate::room::{RoomError, RoomEvent, RoomView};

/// > Implementations should not recurse infinitely, though: a maximum of 3 hops is recommended to cover indirect
/// > relationships.
const MOST_HOPS: usize = 3;

/// Where an event belongs, by its relations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// The event and those that it is related to, one by the other, by other relations than that of a thread.
    related: Vec<OwnedEventId>,
    /// The root of the thread that the last of them is in; `None` is the main timeline.
    thread: Option<OwnedEventId>,
}

impl Lineage {
    /// Follows the relations of an event.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn of(store: &Store, view: &RoomView, event: &RoomEvent) -> Result<Self, RoomError> {
        let mut lineage = Self { related: vec![event.pdu.event_id().to_owned()], thread: None };
        let mut relation = Relation::of(event);
        for hop in 0..=MOST_HOPS {
            match relation {
                Some(Relation { rel_type, event_id }) if rel_type == "m.thread" => {
                    lineage.thread = Some(event_id);
                    break;
                }
                Some(Relation { event_id, .. }) if hop < MOST_HOPS => {
                    let Some(parent) = find::event(store, view, &event_id).await? else { break };
                    relation = Relation::of(&parent);
                    lineage.related.push(event_id);
                }
                _ => break,
            }
        }
        Ok(lineage)
    }

    /// Whether the event is in the main timeline.
    ///
    /// > Thread roots are considered to be in the main timeline, as are events that are related to a thread root via
    /// > non-thread relations.
    pub const fn is_in_main(&self) -> bool {
        self.thread.is_none()
    }

    /// Whether the event is in the thread under `root`, or at its beginning: the root itself and what is related to it.
    pub fn touches(&self, root: &EventId) -> bool {
        self.thread.as_deref() == Some(root) || self.related.iter().any(|related| related == root)
    }
}

/// The root of the event's thread; `None` is the main timeline. Kept with the event for whoever asks next.
///
/// # Errors
/// When the store does not answer.
pub async fn thread_of(
    store: &Store,
    view: &RoomView,
    event: &RoomEvent,
) -> Result<Option<Arc<str>>, RoomError> {
    if let Some(known) = event.push.thread.get() {
        return Ok(known.clone());
    }
    let thread = Lineage::of(store, view, event).await?.thread.map(|root| root.as_str().into());
    Ok(event.push.thread.get_or_init(|| thread).clone())
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
        // Nearly no event relates to another, and to see that is quicker than to parse.
        if event.pdu.is_state() || !event.pdu.content().get().contains("m.relates_to") {
            return None;
        }
        event.pdu.content_as::<Content>().ok().map(|content| content.relates_to)
    }
}
