//! Which thread an event is in.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#threaded-read-receipts>

use std::sync::Arc;

use playhouse_storage::Store;
use ruma::OwnedEventId;
use serde::Deserialize;

use crate::{
    room::{RoomError, RoomEvent, RoomView},
    timeline::find,
};

/// > Implementations should not recurse infinitely, though: a maximum of 3 hops is recommended to cover indirect
/// > relationships.
const MOST_HOPS: usize = 3;

/// The root of the event's thread; `None` is the main timeline.
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
    let root = find_root(store, view, event).await?;
    Ok(event.push.thread.get_or_init(|| root).clone())
}

async fn find_root(store: &Store, view: &RoomView, event: &RoomEvent) -> Result<Option<Arc<str>>, RoomError> {
    let mut relation = Relation::of(event);
    for _ in 0..=MOST_HOPS {
        match relation {
            Relation::None => return Ok(None),
            Relation::Thread(root) => return Ok(Some(root.as_str().into())),
            Relation::Other(parent) => {
                let parent = find::event(store, view, &parent).await?;
                relation = parent.map_or(Relation::None, |parent| Relation::of(&parent));
            }
        }
    }
    Ok(None)
}

/// How an event relates to another.
enum Relation {
    None,
    Thread(OwnedEventId),
    Other(OwnedEventId),
}

impl Relation {
    fn of(event: &RoomEvent) -> Self {
        #[derive(Deserialize)]
        struct Content {
            #[serde(rename = "m.relates_to")]
            relates_to: RelatesTo,
        }
        #[derive(Deserialize)]
        struct RelatesTo {
            rel_type: String,
            event_id: OwnedEventId,
        }
        // Nearly no event relates to another, and to see that is quicker than to parse.
        if event.pdu.is_state() || !event.pdu.content().get().contains("m.relates_to") {
            return Self::None;
        }
        match event.pdu.content_as::<Content>() {
            Ok(Content { relates_to }) if relates_to.rel_type == "m.thread" => {
                Self::Thread(relates_to.event_id)
            }
            Ok(Content { relates_to }) => Self::Other(relates_to.event_id),
            Err(_) => Self::None,
        }
    }
}
