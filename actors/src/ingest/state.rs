//! The state before and after known events.
//!
//! A log row says how the state before its event differs from the room's state before the row: an overlay, empty for
//! all of a room's linear history. So the state after any known event is the room's state at the row, the overlay, and
//! the event itself.

use std::collections::BTreeMap;

use playhouse_rules::{
    pdu::{Pdu, PduStanding},
    room_version::RoomVersion,
    state::RoomState,
};
use playhouse_storage::{
    Store,
    tables::{EventLocation, Outlier, RoomLog},
};
use ruma::{EventId, OwnedEventId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    room::{
        RoomError, RoomView, StateDelta,
        load::{log_key, parse_row, place_of, read_event},
    },
    timeline::state_at::state_after as room_state_after,
};

/// The sequence number of a change whose event has no row in the log: an outlier, or one about to be appended.
pub const NOT_LOGGED: i64 = -1;

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

/// The state after a known event, by its own branch; `None` for an unknown one, and for one without a place in the timeline.
///
/// # Errors
/// When the store does not answer.
pub async fn after_event(
    store: &Store,
    view: &RoomView,
    event_id: &EventId,
) -> Result<Option<RoomState>, RoomError> {
    let Some((mut state, standing, pdu)) = before_known(store, view, event_id).await? else {
        return Ok(None);
    };
    if pdu.is_state() && standing != PduStanding::Rejected {
        state.insert(pdu);
    }
    Ok(Some(state))
}

/// The state before a known event, by its own branch; `None` as in [`after_event`].
///
/// # Errors
/// When the store does not answer.
pub async fn before_event(
    store: &Store,
    view: &RoomView,
    event_id: &EventId,
) -> Result<Option<RoomState>, RoomError> {
    Ok(before_known(store, view, event_id).await?.map(|(state, ..)| state))
}

async fn before_known(
    store: &Store,
    view: &RoomView,
    event_id: &EventId,
) -> Result<Option<(RoomState, PduStanding, Pdu)>, RoomError> {
    let Some(seq) = place_of(store, view, event_id).await? else { return Ok(None) };
    let row = store.multi_get::<RoomLog>(&[log_key(view.room_id.as_str(), seq)]).await?.pop().flatten();
    let Some(row) = row.filter(|row| row.event_id == event_id.as_str()) else { return Ok(None) };
    let overlay = row.overlay.clone();
    let (facts, pdu) = parse_row(view.version, row)?;
    if facts.standing == PduStanding::Outlier {
        return Ok(None);
    }
    let mut state = room_state_after(store, view, seq - 1).await?;
    for entry in decode(overlay.as_deref())? {
        match entry.event_id {
            Some(event_id) => {
                let event_id =
                    OwnedEventId::try_from(event_id).map_err(|e| RoomError::Corrupt(e.to_string()))?;
                if let Some(pdu) = known_event(store, view, &event_id).await? {
                    state.insert(pdu);
                }
            }
            None => drop(state.remove(entry.kind.as_str(), &entry.state_key)),
        }
    }
    Ok(Some((state, facts.standing, pdu)))
}

/// An event of the log, or an outlier; each with its verdict.
///
/// # Errors
/// When the store does not answer, or holds something else than the event.
pub async fn known_event(
    store: &Store,
    view: &RoomView,
    event_id: &EventId,
) -> Result<Option<Pdu>, RoomError> {
    if let Some(event) = view.recent(event_id) {
        return Ok(Some(event.pdu.clone().with_rejected(event.standing == PduStanding::Rejected)));
    }
    stored_event(store, view.version, event_id).await
}

/// The same without the newest events, which may be in no store yet.
///
/// # Errors
/// As [`known_event`].
pub async fn stored_event(
    store: &Store,
    version: &'static RoomVersion,
    event_id: &EventId,
) -> Result<Option<Pdu>, RoomError> {
    if let Some((_, pdu)) = read_event(store, version, event_id.as_str()).await? {
        return Ok(Some(pdu));
    }
    let Some(outlier) = store.get::<Outlier>((event_id.as_str(),), ()).await? else { return Ok(None) };
    let pdu = Pdu::parse(version, outlier.pdu, Some(event_id.to_owned()));
    let pdu = pdu.map_err(|error| RoomError::Corrupt(error.to_string()))?;
    Ok(Some(pdu.with_rejected(outlier.rejected.is_some())))
}

/// How `to` differs from `from`, key by key, with the log row of each event that stands in `to`, or [`NOT_LOGGED`].
///
/// # Errors
/// When the store does not answer.
pub async fn difference(
    store: &Store,
    from: &RoomState,
    to: &RoomState,
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
        let seq = match &new {
            Some(new) => {
                let place = store.get::<EventLocation>((new.event_id().as_str(),), ()).await?;
                place.map_or(NOT_LOGGED, |place| place.seq)
            }
            None => NOT_LOGGED,
        };
        deltas.push(StateDelta { kind, state_key, old, new, seq });
    }
    Ok(deltas)
}
