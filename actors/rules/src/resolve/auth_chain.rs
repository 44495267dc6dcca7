//! Auth chains: the events that an event cites, and those that they cite.

use std::collections::{HashMap, HashSet};

use ruma::{EventId, OwnedEventId};

use super::conflict::Conflict;
use crate::{Pdu, RoomState};

/// The conflicted events and everything in their auth chains, as far as it is there.
pub(super) struct AuthGraph<'a> {
    events: HashMap<OwnedEventId, Pdu>,
    fetch: &'a dyn Fn(&EventId) -> Option<Pdu>,
}

impl<'a> AuthGraph<'a> {
    pub(super) fn of<'e>(
        conflicted: impl Iterator<Item = &'e Pdu>,
        fetch: &'a dyn Fn(&EventId) -> Option<Pdu>,
    ) -> Self {
        let mut events = HashMap::new();
        let mut open: Vec<Pdu> = conflicted.cloned().collect();
        while let Some(pdu) = open.pop() {
            if events.contains_key(pdu.event_id()) {
                continue;
            }
            let unknown = pdu.auth_events().iter().filter(|id| !events.contains_key(*id));
            open.extend(unknown.filter_map(|id| fetch(id)));
            events.insert(pdu.owned_event_id().clone(), pdu);
        }
        Self { events, fetch }
    }

    /// An event of the graph.
    pub(super) fn event(&self, id: &EventId) -> Option<&Pdu> {
        self.events.get(id)
    }

    /// For each state, the part of its auth chain that is not in the auth chain of every other: together with the
    /// conflicted events, the auth difference.
    ///
    /// > The auth difference is calculated by first calculating the full auth chain for each state Si, that is the union
    /// > of the auth chains for each event in Si, and then taking every event that doesn’t appear in every auth chain.
    ///
    /// An event counts as part of its own chain here, as in Synapse, whose answer is the one to agree with. So the common
    /// events and their chains are in every chain: only those of the conflicted events are compared, and of what differs
    /// there is dropped what is common after all.
    pub(super) fn differences<'s>(
        &'s self,
        conflict: &'s Conflict,
        common: &RoomState,
    ) -> Vec<HashSet<OwnedEventId>> {
        let mut chains: Vec<HashSet<&EventId>> =
            (0..conflict.states()).map(|state| self.chain_of(conflict.events_of(state))).collect();
        let mut times: HashMap<&EventId, usize> = HashMap::new();
        for id in chains.iter().flatten() {
            *times.entry(id).or_default() += 1;
        }
        let mut differing: HashSet<&EventId> =
            times.into_iter().filter(|(_, times)| *times < conflict.states()).map(|(id, _)| id).collect();
        // A conflicted event is in the full conflicted set anyway, so nothing is left to find out about it.
        let conflicted = conflict.id_set();
        differing.retain(|id| {
            !conflicted.contains(id) && self.event(id).is_none_or(|pdu| !stands_in(common, pdu))
        });
        self.drop_cited_by(common, &mut differing);
        for chain in &mut chains {
            chain.retain(|id| differing.contains(id));
        }
        chains.into_iter().map(|chain| chain.into_iter().map(EventId::to_owned).collect()).collect()
    }

    /// These events and their auth chains.
    fn chain_of<'s>(&'s self, events: impl Iterator<Item = &'s Pdu>) -> HashSet<&'s EventId> {
        let mut chain = HashSet::new();
        let mut open: Vec<&Pdu> = events.collect();
        while let Some(pdu) = open.pop() {
            if chain.insert(pdu.event_id()) {
                open.extend(pdu.auth_events().iter().filter_map(|id| self.events.get(id)));
            }
        }
        chain
    }

    /// Drops from `ids` what is in the auth chain of the common state. Ends as soon as nothing is left.
    fn drop_cited_by(&self, common: &RoomState, ids: &mut HashSet<&EventId>) {
        let mut seen: HashSet<OwnedEventId> = HashSet::new();
        let mut open: Vec<Pdu> = Vec::new();
        for pdu in common.iter() {
            open.push(pdu.clone());
            while let Some(pdu) = open.pop() {
                for id in pdu.auth_events() {
                    if ids.is_empty() {
                        return;
                    }
                    if seen.contains(id) {
                        continue;
                    }
                    seen.insert(id.clone());
                    ids.remove(&**id);
                    open.extend(self.events.get(id).cloned().or_else(|| (self.fetch)(id)));
                }
            }
        }
    }

    /// The conflicted state subgraph: every event on a path, along auth events, between two conflicted events.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/rooms/v12/#definitions>
    pub(super) fn conflicted_subgraph(&self, conflict: &Conflict) -> HashSet<OwnedEventId> {
        // Every event of the graph is reached from a conflicted one. What is left to ask is which reach one.
        let conflicted = conflict.id_set();
        let mut citing: HashMap<&EventId, Vec<&Pdu>> = HashMap::new();
        for pdu in self.events.values() {
            for id in pdu.auth_events() {
                citing.entry(id).or_default().push(pdu);
            }
        }
        let mut subgraph: HashSet<OwnedEventId> = HashSet::new();
        let mut open: Vec<&EventId> = conflicted.into_iter().collect();
        while let Some(id) = open.pop() {
            if subgraph.insert(id.to_owned()) {
                open.extend(citing.get(id).into_iter().flatten().map(|pdu| pdu.event_id()));
            }
        }
        subgraph
    }
}

/// Whether the event is part of the state.
fn stands_in(state: &RoomState, pdu: &Pdu) -> bool {
    let Some(state_key) = pdu.state_key() else { return false };
    state.get(pdu.kind_str(), state_key).is_some_and(|standing| standing == pdu)
}
