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
    room_version::RoomVersion,
    state::RoomState,
};
use playhouse_storage::Store;
use ruma::{EventId, OwnedEventId};

use super::{
    IngestError, PreparedEvent,
    state::{after_event, difference, known_event},
};
use crate::{
    metrics,
    room::{RoomError, RoomView},
};

/// Events that one resolution may look at.
const MOST_AUTH_EVENTS: usize = 50_000;

/// Events by id.
pub type Known = HashMap<OwnedEventId, Pdu>;
/// The states after events that are not in the log, as others told.
pub type StatesTold = HashMap<OwnedEventId, RoomState>;

/// Judges an event and computes what it does to the room as it stands.
///
/// # Errors
/// [`IngestError::MissingAuth`] and [`IngestError::MissingPrev`] when it cites or follows events that are not here,
/// [`IngestError::Rejected`] when the rules reject it and its place is not known, [`IngestError::Room`] when the store does
/// not answer.
pub async fn prepare(
    store: &Store,
    view: &RoomView,
    extremities: &[OwnedEventId],
    pdu: Pdu,
    told: &StatesTold,
) -> Result<PreparedEvent, IngestError> {
    let by_auth_events = check_auth_events(store, view, &pdu).await;
    let before = match (state_before(store, view, extremities, &pdu, told).await, &by_auth_events) {
        // Nobody makes us fetch history by an event that is rejected anyway.
        (Err(IngestError::MissingPrev(_)), Ok(Err(reason))) => {
            return Err(IngestError::Rejected(reason.clone()));
        }
        // What it follows comes first: that mostly brings what it cites.
        (before, _) => before?,
    };
    let by_auth_events = by_auth_events?;
    let room_before = &view.state;
    let prepared = PreparedEvent {
        overlay: difference(store, room_before, &before).await?,
        standing: PduStanding::Accepted,
        rejected: None,
        goes_out: false,
        after_gap: pdu.prev_events().iter().any(|prev| told.contains_key(prev)),
        basis: extremities.to_vec(),
        changes: Vec::new(),
        pdu,
    };
    let pdu = &prepared.pdu;
    if let Err(reason) = by_auth_events.and_then(|()| allowed_by(&before, pdu)) {
        return Ok(PreparedEvent { standing: PduStanding::Rejected, rejected: Some(reason), ..prepared });
    }
    if allowed_by(room_before, pdu).is_err() {
        return Ok(PreparedEvent { standing: PduStanding::SoftFailed, ..prepared });
    }
    let mut after = before;
    if pdu.is_state() {
        after.insert(pdu.clone());
    }
    let others = extremities.iter().filter(|id| !pdu.prev_events().contains(id));
    let mut states = vec![after];
    for other in others {
        states.push(known_state_after(store, view, other, told).await?);
    }
    let resolved = resolve_all(store, view, states, Some(pdu)).await?;
    let changes = difference(store, room_before, &resolved).await?;
    Ok(PreparedEvent { changes, ..prepared })
}

fn allowed_by(state: &RoomState, pdu: &Pdu) -> Result<(), String> {
    check_against_state(state.version(), pdu, state).map_err(|error| error.to_string())
}

/// The event must cite events that we know, that are not rejected, and that allow it: if not, why.
async fn check_auth_events(
    store: &Store,
    view: &RoomView,
    pdu: &Pdu,
) -> Result<Result<(), String>, IngestError> {
    let mut cited = Known::new();
    let mut missing = Vec::new();
    for event_id in pdu.auth_events() {
        match known_event(store, view, event_id).await? {
            Some(event) => drop(cited.insert(event_id.clone(), event)),
            None => missing.push(event_id.clone()),
        }
    }
    if !missing.is_empty() {
        return Err(IngestError::MissingAuth(missing));
    }
    Ok(allowed_by_cited(view.version, pdu, view.state.create(), &cited))
}

/// Judges an event by the events that it cites, which must all be in `cited`.
pub fn allowed_by_cited(
    version: &'static RoomVersion,
    pdu: &Pdu,
    create: Option<&Pdu>,
    cited: &Known,
) -> Result<(), String> {
    let fetch =
        |id: &EventId| cited.get(id).or_else(|| create.filter(|create| create.event_id() == id)).cloned();
    check_state_independent(version, pdu, fetch).map_err(|error| error.to_string())?;
    let mut state = RoomState::new(version);
    let implied = create.filter(|_| version.room_id_is_create_hash());
    let events = pdu.auth_events().iter().filter_map(|id| cited.get(id));
    for event in implied.into_iter().chain(events) {
        state.insert(event.clone());
    }
    allowed_by(&state, pdu)
}

/// The state before an event: the room's, if it follows all extremities, else that of the events it follows.
async fn state_before(
    store: &Store,
    view: &RoomView,
    extremities: &[OwnedEventId],
    pdu: &Pdu,
    told: &StatesTold,
) -> Result<RoomState, IngestError> {
    let follows_all = pdu.prev_events().len() == extremities.len()
        && extremities.iter().all(|extremity| pdu.prev_events().contains(extremity));
    if follows_all {
        return Ok(view.state.clone());
    }
    let (mut states, mut missing) = (Vec::with_capacity(pdu.prev_events().len()), Vec::new());
    for prev in pdu.prev_events() {
        match known_state_after(store, view, prev, told).await {
            Ok(state) => states.push(state),
            Err(IngestError::MissingPrev(prev)) => missing.extend(prev),
            Err(error) => return Err(error),
        }
    }
    if !missing.is_empty() {
        return Err(IngestError::MissingPrev(missing));
    }
    resolve_all(store, view, states, None).await
}

async fn known_state_after(
    store: &Store,
    view: &RoomView,
    event_id: &EventId,
    told: &StatesTold,
) -> Result<RoomState, IngestError> {
    if let Some(state) = told.get(event_id) {
        return Ok(state.clone());
    }
    let known = after_event(store, view, event_id).await?;
    known.ok_or_else(|| IngestError::MissingPrev(vec![event_id.to_owned()]))
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
