//! State resolution: one state from the states of several forks.
//!
//! ruma's algorithm is exact but takes whole states and whole auth chains: 400 ms for a room of 100,000 members. Here
//! it gets only what can matter (the keys that differ, the common keys that their events are checked against, and of the
//! auth chains the part that is not common), and its result is laid over the common state. That the answer is the same
//! is held by a property test against the full call.
//!
//! | File | Holds |
//! |---|---|
//! | `conflict` | the keys on which the states differ, found by shared structure |
//! | `auth_chain` | auth chains, their difference, and the conflicted subgraph of version 12 |
//!
//! Specification: <https://spec.matrix.org/v1.19/rooms/v11/#state-resolution>,
//! <https://spec.matrix.org/v1.19/rooms/v12/#state-resolution>

mod auth_chain;
mod conflict;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use ruma::{
    EventId, OwnedEventId,
    events::StateEventType,
    room_version_rules::StateResolutionVersion,
    state_res::{self, StateMap, auth_types_for_event, utils::event_id_set::EventIdSet},
};

use self::{auth_chain::AuthGraph, conflict::Conflict};
use crate::{Pdu, RoomState, RoomVersion};

/// Why states could not be resolved.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// There is no state to resolve: a fault of the caller.
    #[error("there is no state to resolve")]
    NoStates,
    /// The room version's algorithm is not this one.
    #[error("the room version's state resolution is not supported")]
    Unsupported,
    /// An event that the algorithm needs is not there, or cannot be read: fetch it and try again, or leave the state as
    /// it was.
    #[error("state resolution failed: {0}")]
    Failed(#[from] state_res::Error),
    /// The result names an event that is not there.
    #[error("state resolution chose {event_id}, which is not there")]
    Missing {
        /// The event.
        event_id: OwnedEventId,
    },
}

/// Resolves the states after each of a room's forward extremities.
///
/// `fetch` gives any event of the room by its id, judged ([`Pdu::with_rejected`]); an event that it does not have is not
/// honored. It is called for each event of the auth chains of the *common* state at worst: give it memory, not a disk.
///
/// # Errors
/// See [`ResolveError`]. The states are untouched.
pub fn resolve(
    version: &'static RoomVersion,
    states: &[RoomState],
    fetch: &dyn Fn(&EventId) -> Option<Pdu>,
) -> Result<RoomState, ResolveError> {
    let (first, others) = states.split_first().ok_or(ResolveError::NoStates)?;
    let StateResolutionVersion::V2(rules) = &version.rules().state_res else {
        return Err(ResolveError::Unsupported);
    };
    let conflict = Conflict::between(first, others);
    if conflict.is_empty() {
        return Ok(first.clone());
    }
    let graph = AuthGraph::of(conflict.events(), fetch);
    let common = conflict.common_part(first);
    let differences = graph.differences(&conflict, &common);
    let subgraph = if rules.consider_conflicted_state_subgraph {
        graph.conflicted_subgraph(&conflict)
    } else {
        HashSet::new()
    };

    let full_conflicted = conflict.ids().chain(differences.iter().flatten()).chain(&subgraph);
    let relevant = relevant_keys(version, full_conflicted.filter_map(|id| graph.event(id)));
    let maps: Vec<_> = conflict.trimmed_maps(&relevant, &common).collect();
    let chains = differences.iter().map(|ids| ids.iter().cloned().collect()).collect();
    let resolved = state_res::resolve(
        &version.rules().authorization,
        rules,
        &maps,
        chains,
        |id| graph.event(id).cloned().or_else(|| fetch(id)),
        |_| Some(subgraph.iter().cloned().collect::<EventIdSet<_>>()),
    )?;
    overlay(common, resolved, &graph, fetch)
}

/// The keys of the common state that the events are checked against.
fn relevant_keys<'a>(
    version: &RoomVersion,
    events: impl Iterator<Item = &'a Pdu>,
) -> HashSet<(StateEventType, String)> {
    let mut keys = HashSet::from([
        (StateEventType::RoomCreate, String::new()),
        (StateEventType::RoomPowerLevels, String::new()),
    ]);
    for pdu in events {
        // An event whose content does not say what authorizes it is refused by the algorithm itself.
        keys.extend(
            auth_types_for_event(
                pdu.kind(),
                pdu.sender(),
                pdu.state_key(),
                pdu.content(),
                &version.rules().authorization,
            )
            .unwrap_or_default(),
        );
    }
    keys
}

/// Lays the resolved keys over the common state, which always wins.
///
/// > Update the result by replacing any event with the event with the same key from the unconflicted state map.
fn overlay(
    mut state: RoomState,
    resolved: StateMap<OwnedEventId>,
    graph: &AuthGraph<'_>,
    fetch: &dyn Fn(&EventId) -> Option<Pdu>,
) -> Result<RoomState, ResolveError> {
    let mut chosen = HashMap::new();
    for ((kind, state_key), event_id) in resolved {
        if state.get(&kind, &state_key).is_none() {
            let pdu = graph.event(&event_id).cloned().or_else(|| fetch(&event_id));
            chosen.insert((kind, state_key), pdu.ok_or(ResolveError::Missing { event_id })?);
        }
    }
    state.extend(chosen.into_values());
    Ok(state)
}
