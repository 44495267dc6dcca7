//! States, and what they cite.

use std::collections::HashSet;

use playhouse_rules::{Pdu, state::RoomState};
use ruma::{EventId, OwnedEventId, RoomId, ServerName};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{ServingError, access::shared_room};
use crate::{
    Node,
    ingest::{outliers::OutlierShelf, state::before_event},
    room::{RoomError, RoomView},
};

/// The most events of an auth chain.
const MOST_AUTH_EVENTS: usize = 100_000;

/// A state, and what it cites directly or not: whole events, or their ids.
#[derive(Debug, Serialize)]
pub struct ServedState<T> {
    /// What stands.
    pub state: Vec<T>,
    /// What that cites.
    pub auth_chain: Vec<T>,
}

/// The state before an event, for a server that is in the room.
///
/// # Errors
/// [`ServingError::Forbidden`], [`ServingError::NotFound`].
///
/// <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1stateroomid>
pub async fn state(
    node: &Node,
    origin: &ServerName,
    room_id: &RoomId,
    event_id: &EventId,
) -> Result<ServedState<Box<RawValue>>, ServingError> {
    let told = state_before(node, origin, room_id, event_id).await?;
    Ok(told.map(|pdu| pdu.json().to_owned()))
}

/// The ids of the same.
///
/// # Errors
/// As [`state`].
///
/// <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1state_idsroomid>
pub async fn state_ids(
    node: &Node,
    origin: &ServerName,
    room_id: &RoomId,
    event_id: &EventId,
) -> Result<ServedState<OwnedEventId>, ServingError> {
    let told = state_before(node, origin, room_id, event_id).await?;
    Ok(told.map(|pdu| pdu.event_id().to_owned()))
}

/// What an event cites, directly or not.
///
/// # Errors
/// As [`state`].
///
/// <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1event_authroomideventid>
pub async fn event_auth(
    node: &Node,
    origin: &ServerName,
    room_id: &RoomId,
    event_id: &EventId,
) -> Result<Vec<Box<RawValue>>, ServingError> {
    let view = shared_room(node, origin, room_id).await?;
    let event = shelf(node, &view).known(std::iter::once(event_id)).await?.into_values().next();
    let event = event.filter(|event| event.room_id() == room_id);
    let event = event.ok_or_else(|| ServingError::NotFound(origin.to_owned()))?;
    let chain = auth_chain(node, &view, std::iter::once(&event)).await?;
    Ok(chain.iter().map(|pdu| pdu.json().to_owned()).collect())
}

async fn state_before(
    node: &Node,
    origin: &ServerName,
    room_id: &RoomId,
    event_id: &EventId,
) -> Result<ServedState<Pdu>, ServingError> {
    let view = shared_room(node, origin, room_id).await?;
    let state = before_event(node.store(), &view, event_id).await?;
    let state = state.ok_or_else(|| ServingError::NotFound(origin.to_owned()))?;
    Ok(with_auth_chain(node, &view, &state).await?)
}

/// A state with what it cites.
///
/// # Errors
/// When the store does not answer, or the chain is longer than anybody's.
pub(super) async fn with_auth_chain(
    node: &Node,
    view: &RoomView,
    state: &RoomState,
) -> Result<ServedState<Pdu>, RoomError> {
    let auth_chain = auth_chain(node, view, state.iter()).await?;
    Ok(ServedState { state: state.iter().cloned().collect(), auth_chain })
}

async fn auth_chain(
    node: &Node,
    view: &RoomView,
    events: impl Iterator<Item = &Pdu>,
) -> Result<Vec<Pdu>, RoomError> {
    let shelf = shelf(node, view);
    let (mut chain, mut seen) = (Vec::new(), HashSet::new());
    let mut open: Vec<OwnedEventId> = Vec::new();
    for pdu in events {
        open.extend(pdu.auth_events().iter().filter(|id| seen.insert((*id).clone())).cloned());
    }
    while !open.is_empty() {
        if seen.len() > MOST_AUTH_EVENTS {
            return Err(RoomError::TooLarge("the auth chain is too long to be served".into()));
        }
        let found = shelf.known(open.iter().map(AsRef::as_ref)).await?;
        open.clear();
        for pdu in found.into_values() {
            open.extend(pdu.auth_events().iter().filter(|id| seen.insert((*id).clone())).cloned());
            chain.push(pdu);
        }
    }
    Ok(chain)
}

fn shelf<'a>(node: &'a Node, view: &'a RoomView) -> OutlierShelf<'a> {
    let (store, clocks) = (node.store(), node.clocks());
    OutlierShelf { store, clocks, room_id: &view.room_id, version: view.version }
}

impl ServedState<Pdu> {
    /// The same, each event as it is served.
    pub(super) fn map<T>(&self, form: impl Fn(&Pdu) -> T) -> ServedState<T> {
        ServedState {
            state: self.state.iter().map(&form).collect(),
            auth_chain: self.auth_chain.iter().map(&form).collect(),
        }
    }
}
