//! From a parsed event to a prepared one: the checks on receipt, in the specification's order.
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu>

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use playhouse_rules::{
    auth::{check_against_state, check_state_independent},
    pdu::{Pdu, PduStanding},
    resolve::resolve,
    state::RoomState,
};
use playhouse_storage::{Store, tables::Outlier};
use ruma::{EventId, OwnedEventId};

use super::{
    IngestError, PreparedEvent,
    state::{after_event, difference},
};
use crate::{
    metrics,
    room::{
        RoomError, RoomView,
        load::{place_of, read_event},
    },
};

/// Events that one resolution may look at.
const MOST_AUTH_EVENTS: usize = 50_000;

/// Events by id.
type Known = HashMap<OwnedEventId, Pdu>;

/// Judges an event and computes what it does to the room as it stands.
///
/// # Errors
/// [`IngestError::Missing`] when it cites events that are not here, [`IngestError::Rejected`] when the rules reject it,
/// [`IngestError::Room`] when the store does not answer.
pub async fn prepare(
    store: &Store,
    view: &RoomView,
    extremities: &[OwnedEventId],
    pdu: Pdu,
) -> Result<PreparedEvent, IngestError> {
    check_auth_events(store, view, &pdu).await?;
    let before = state_before(store, view, extremities, &pdu).await?;
    check_against_state(view.version, &pdu, &before)
        .map_err(|error| IngestError::Rejected(error.to_string()))?;
    let room_before = &view.state;
    let overlay = difference(store, room_before, &before, None).await?;
    let accepted = check_against_state(view.version, &pdu, room_before).is_ok();
    if !accepted {
        let basis = extremities.to_vec();
        return Ok(PreparedEvent {
            pdu,
            standing: PduStanding::SoftFailed,
            basis,
            overlay,
            changes: Vec::new(),
        });
    }
    let mut after = before;
    if pdu.is_state() {
        after.insert(pdu.clone());
    }
    let others = extremities.iter().filter(|id| !pdu.prev_events().contains(id));
    let mut states = vec![after];
    for other in others {
        states.push(known_state_after(store, view, other).await?);
    }
    let resolved = resolve_all(store, view, states, Some(&pdu)).await?;
    let changes = difference(store, room_before, &resolved, Some((&pdu, view.head_seq + 1))).await?;
    Ok(PreparedEvent { pdu, standing: PduStanding::Accepted, basis: extremities.to_vec(), overlay, changes })
}

/// The event must cite events that we know, that are not rejected, and that allow it.
async fn check_auth_events(store: &Store, view: &RoomView, pdu: &Pdu) -> Result<(), IngestError> {
    let mut cited = Known::new();
    let mut missing = Vec::new();
    for event_id in pdu.auth_events() {
        match known_event(store, view, event_id).await? {
            Some(event) => drop(cited.insert(event_id.clone(), event)),
            None => missing.push(event_id.clone()),
        }
    }
    if !missing.is_empty() {
        return Err(IngestError::Missing(missing));
    }
    let rejected = |error: playhouse_rules::AuthError| IngestError::Rejected(error.to_string());
    let create = view.state.create().cloned();
    let fetch = |id: &EventId| {
        cited.get(id).cloned().or_else(|| create.clone().filter(|create| create.event_id() == id))
    };
    check_state_independent(view.version, pdu, fetch).map_err(rejected)?;
    let mut state = RoomState::new(view.version);
    state.extend_from(create.filter(|_| view.version.room_id_is_create_hash()));
    state.extend_from(cited.into_values());
    check_against_state(view.version, pdu, &state).map_err(rejected)
}

trait Extend {
    fn extend_from(&mut self, events: impl IntoIterator<Item = Pdu>);
}

impl Extend for RoomState {
    fn extend_from(&mut self, events: impl IntoIterator<Item = Pdu>) {
        for event in events {
            self.insert(event);
        }
    }
}

/// An event of the log, or an outlier with its verdict.
async fn known_event(store: &Store, view: &RoomView, event_id: &EventId) -> Result<Option<Pdu>, RoomError> {
    if let Some((_, pdu)) = read_event(store, view.version, event_id.as_str()).await? {
        return Ok(Some(pdu));
    }
    let Some(outlier) = store.get::<Outlier>((event_id.as_str(),), ()).await? else { return Ok(None) };
    let pdu = Pdu::parse(view.version, outlier.pdu, Some(event_id.to_owned()));
    let pdu = pdu.map_err(|error| RoomError::Corrupt(error.to_string()))?;
    Ok(Some(pdu.with_rejected(outlier.rejected.is_some())))
}

/// The state before an event: the room's, if it follows all extremities, else that of the events it follows.
async fn state_before(
    store: &Store,
    view: &RoomView,
    extremities: &[OwnedEventId],
    pdu: &Pdu,
) -> Result<RoomState, IngestError> {
    let follows_all = pdu.prev_events().len() == extremities.len()
        && extremities.iter().all(|extremity| pdu.prev_events().contains(extremity));
    if follows_all {
        return Ok(view.state.clone());
    }
    let mut missing = Vec::new();
    for prev in pdu.prev_events() {
        if place_of(store, view, prev).await.map_err(RoomError::from)?.is_none() {
            missing.push(prev.clone());
        }
    }
    if !missing.is_empty() {
        return Err(IngestError::Missing(missing));
    }
    let mut states = Vec::with_capacity(pdu.prev_events().len());
    for prev in pdu.prev_events() {
        states.push(known_state_after(store, view, prev).await?);
    }
    resolve_all(store, view, states, None).await
}

async fn known_state_after(
    store: &Store,
    view: &RoomView,
    event_id: &EventId,
) -> Result<RoomState, IngestError> {
    after_event(store, view, event_id).await?.ok_or_else(|| IngestError::Missing(vec![event_id.to_owned()]))
}

/// One state from several, on the blocking pool: it is pure CPU.
async fn resolve_all(
    store: &Store,
    view: &RoomView,
    mut states: Vec<RoomState>,
    own: Option<&Pdu>,
) -> Result<RoomState, IngestError> {
    if states.len() == 1 {
        return Ok(states.remove(0));
    }
    let known = Arc::new(auth_chains(store, view, &states, own).await?);
    let (version, seconds) = (view.version, metrics::state_resolution());
    let work = move || {
        let _timer = seconds.start();
        resolve(version, &states, &|id| known.get(id).cloned())
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(state)) => Ok(state),
        Ok(Err(error)) => Err(IngestError::Room(RoomError::Corrupt(error.to_string()))),
        Err(_) => Err(IngestError::Room(RoomError::retry())),
    }
}

/// The events of the states and everything that they cite, directly or not.
async fn auth_chains(
    store: &Store,
    view: &RoomView,
    states: &[RoomState],
    own: Option<&Pdu>,
) -> Result<Known, IngestError> {
    let mut known = Known::new();
    let mut open: VecDeque<Pdu> = states.iter().flat_map(|state| state.iter().cloned()).collect();
    open.extend(own.cloned());
    open.extend(view.state.create().cloned());
    while let Some(pdu) = open.pop_front() {
        if known.contains_key(pdu.event_id()) {
            continue;
        }
        if known.len() >= MOST_AUTH_EVENTS {
            return Err(IngestError::Room(RoomError::TooLarge("the fork is too large to resolve".into())));
        }
        for cited in pdu.auth_events().iter().filter(|id| !known.contains_key(*id)) {
            open.extend(known_event(store, view, cited).await?);
        }
        known.insert(pdu.event_id().to_owned(), pdu);
    }
    Ok(known)
}
