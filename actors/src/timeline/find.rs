//! One event by id, for someone who may see it.

use std::sync::Arc;

use playhouse_rules::pdu::Pdu;
use playhouse_storage::Store;
use ruma::{EventId, OwnedEventId, UserId};

use super::visibility::Sight;
use crate::{
    history,
    room::{
        RoomError, RoomEvent, RoomView,
        load::{place_of, read_events, redactions_of},
    },
};

/// The event with this id in this room, whoever asks.
///
/// # Errors
/// When the store does not answer.
pub async fn event(
    store: &Store,
    view: &RoomView,
    event_id: &EventId,
) -> Result<Option<Arc<RoomEvent>>, RoomError> {
    if let Some(event) = view.recent(event_id) {
        return Ok(Some(Arc::clone(event)));
    }
    let place = place_of(store, view, event_id).await?;
    let Some(seq) = place.filter(|seq| *seq <= view.head_seq) else { return Ok(None) };
    let events = read_events(store, view.version, &view.room_id, seq, seq).await?;
    let found = events.into_iter().find(|event| event.pdu.event_id() == event_id);
    Ok(found.map(Arc::new))
}

/// The event with this id, if `user` may see it. A hidden event is like none.
///
/// # Errors
/// When the store does not answer.
pub async fn visible_event(
    store: &Store,
    view: &RoomView,
    event_id: &EventId,
    user: &UserId,
) -> Result<Option<Arc<RoomEvent>>, RoomError> {
    let logged = event(store, view, event_id).await?.filter(|event| event.is_visible());
    let found = match logged {
        Some(event) => Some(event),
        None => history::event(store, view, event_id).await?,
    };
    let Some(event) = found else { return Ok(None) };
    let sight = Sight::of(store, view, user).await?;
    Ok(sight.may_see(&event).then_some(event))
}

/// The redactions of events, by target.
///
/// # Errors
/// When the store does not answer.
pub async fn redactions<'e>(
    store: &Store,
    view: &RoomView,
    events: impl Iterator<Item = &'e Arc<RoomEvent>>,
) -> Result<std::collections::HashMap<OwnedEventId, Pdu>, RoomError> {
    let mut found = std::collections::HashMap::new();
    let mut stored = Vec::new();
    let tail_start = view.tail_start();
    for event in events {
        let id = event.pdu.event_id();
        match view.redactions.get(id) {
            Some(redaction) => drop(found.insert(id.to_owned(), redaction.clone())),
            // What lies in a gap may have been redacted long ago.
            None if event.seq < tail_start || event.in_gap.is_some() => stored.push(id.to_owned()),
            None => {}
        }
    }
    if !stored.is_empty() {
        found.extend(redactions_of(store, view.version, &view.room_id, &stored).await?);
    }
    Ok(found)
}
