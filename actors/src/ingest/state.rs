//! The state before and after known events.
//!
//! A log row says how the state before its event differs from the room's state before the row: an overlay, empty for
//! all of a room's linear history. So the state after any known event is the room's state at the row, the overlay, and
//! the event itself.

use std::collections::BTreeMap;

use playhouse_rules::{
    pdu::{Pdu, PduStanding},
    state::RoomState,
};
use playhouse_storage::{
    Store,
    tables::{EventLocation, RoomLog},
};
use ruma::EventId;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    room::{
        RoomError, RoomView, StateDelta,
        load::{log_key, parse_row, place_of, read_event},
    },
    timeline::state_at::state_after as room_state_after,
};

/// A state key that stands differently: the event that stands there, or none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OverlayEntry {
    /// The event type.
    pub kind: String,
    /// The state key.
    pub state_key: String,
    /// The event.
    pub event_id: Option<String>,
}

/// The stored form of an overlay; `None` when it is empty.
pub fn encode(overlay: &[StateDelta]) -> Option<Box<RawValue>> {
    let entries: Vec<OverlayEntry> = overlay
        .iter()
        .map(|delta| OverlayEntry {
            kind: delta.kind.clone(),
            state_key: delta.state_key.clone(),
            event_id: delta.new.as_ref().map(|pdu| pdu.event_id().to_string()),
        })
        .collect();
    if entries.is_empty() { None } else { serde_json::value::to_raw_value(&entries).ok() }
}

fn decode(overlay: Option<&RawValue>) -> Result<Vec<OverlayEntry>, RoomError> {
    let Some(raw) = overlay else { return Ok(Vec::new()) };
    serde_json::from_str(raw.get()).map_err(|error| RoomError::Corrupt(error.to_string()))
}

/// The state after a known event, by its own branch; `None` for an unknown one.
///
/// # Errors
/// When the store does not answer.
pub async fn after_event(
    store: &Store,
    view: &RoomView,
    event_id: &EventId,
) -> Result<Option<RoomState>, RoomError> {
    let Some(seq) = place_of(store, view, event_id).await? else { return Ok(None) };
    let row = store.multi_get::<RoomLog>(&[log_key(view.room_id.as_str(), seq)]).await?.pop().flatten();
    let Some(row) = row.filter(|row| row.event_id == event_id.as_str()) else { return Ok(None) };
    let overlay = row.overlay.clone();
    let (facts, pdu) = parse_row(view.version, row)?;
    let mut state = room_state_after(store, view, seq - 1).await?;
    for entry in decode(overlay.as_deref())? {
        match entry.event_id {
            Some(event_id) => {
                if let Some((_, pdu)) = read_event(store, view.version, &event_id).await? {
                    state.insert(pdu);
                }
            }
            None => drop(state.remove(entry.kind.as_str(), &entry.state_key)),
        }
    }
    if pdu.is_state() && facts.standing != PduStanding::Rejected {
        state.insert(pdu);
    }
    Ok(Some(state))
}

/// How `to` differs from `from`, key by key, with the log row of each event that stands in `to`.
///
/// # Errors
/// When the store does not answer.
pub async fn difference(
    store: &Store,
    from: &RoomState,
    to: &RoomState,
    own: Option<(&Pdu, i64)>,
) -> Result<Vec<StateDelta>, RoomError> {
    let key = |pdu: &Pdu| (pdu.kind_str().to_owned(), pdu.state_key().unwrap_or_default().to_owned());
    let mut keys: BTreeMap<(String, String), (Option<Pdu>, Option<Pdu>)> = BTreeMap::new();
    for pdu in from.iter() {
        let same = to.get(pdu.kind_str(), pdu.state_key().unwrap_or_default());
        if same.is_none_or(|same| same.event_id() != pdu.event_id()) {
            keys.entry(key(pdu)).or_default().0 = Some(pdu.clone());
        }
    }
    for pdu in to.iter() {
        let same = from.get(pdu.kind_str(), pdu.state_key().unwrap_or_default());
        if same.is_none_or(|same| same.event_id() != pdu.event_id()) {
            keys.entry(key(pdu)).or_default().1 = Some(pdu.clone());
        }
    }
    let mut deltas = Vec::with_capacity(keys.len());
    for ((kind, state_key), (old, new)) in keys {
        let seq = match (&new, own) {
            (Some(new), Some((pdu, seq))) if new.event_id() == pdu.event_id() => seq,
            (Some(new), _) => {
                let place = store.get::<EventLocation>((new.event_id().as_str(),), ()).await?;
                place.map_or(-1, |place| place.seq)
            }
            (None, _) => -1,
        };
        deltas.push(StateDelta { kind, state_key, old, new, seq });
    }
    Ok(deltas)
}
