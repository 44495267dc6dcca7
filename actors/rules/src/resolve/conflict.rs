//! The keys on which states differ. States of one room share nearly all of their structure, so what is shared is skipped
//! without being looked at.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use imbl::ordmap::DiffItem;
use ruma::{EventId, OwnedEventId, events::StateEventType, state_res::StateMap};

use crate::{Pdu, RoomState};

/// A state key with its type.
type Key = (Arc<str>, Arc<str>);

/// The conflict between states: for each key that is not the same in all of them, what each has there.
pub(super) struct Conflict {
    keys: BTreeMap<Key, Vec<Option<Pdu>>>,
    states: usize,
}

impl Conflict {
    pub(super) fn between(first: &RoomState, others: &[RoomState]) -> Self {
        let mut differing = BTreeMap::new();
        for other in others {
            differing.extend(differing_keys(first, other).into_iter().map(|key| (key, Vec::new())));
        }
        for ((kind, state_key), events) in &mut differing {
            let states = std::iter::once(first).chain(others);
            events.extend(states.map(|state| state.get(&**kind, state_key).cloned()));
        }
        Self { keys: differing, states: others.len() + 1 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many states there are.
    pub(super) fn states(&self) -> usize {
        self.states
    }

    /// The conflicted state set: every event that stands at a key on which the states differ.
    pub(super) fn events(&self) -> impl Iterator<Item = &Pdu> {
        self.keys.values().flatten().flatten()
    }

    /// The ids of [`Self::events`].
    pub(super) fn ids(&self) -> impl Iterator<Item = &OwnedEventId> {
        self.events().map(Pdu::owned_event_id)
    }

    /// The events of one of the states.
    pub(super) fn events_of(&self, state: usize) -> impl Iterator<Item = &Pdu> {
        self.keys.values().filter_map(move |events| events.get(state)?.as_ref())
    }

    /// The ids of [`Self::events`], to ask whether one is among them.
    pub(super) fn id_set(&self) -> HashSet<&EventId> {
        self.events().map(Pdu::event_id).collect()
    }

    /// What is the same in all states.
    pub(super) fn common_part(&self, first: &RoomState) -> RoomState {
        let mut common = first.clone();
        for (kind, state_key) in self.keys.keys() {
            common.remove(&**kind, state_key);
        }
        common
    }

    /// Each state with only the keys that differ and those of `relevant`.
    pub(super) fn trimmed_maps<'a>(
        &'a self,
        relevant: &'a HashSet<(StateEventType, String)>,
        common: &'a RoomState,
    ) -> impl Iterator<Item = StateMap<OwnedEventId>> + 'a {
        let shared: StateMap<OwnedEventId> = relevant
            .iter()
            .filter_map(|(kind, state_key)| {
                let pdu = common.get(kind, state_key)?;
                Some(((kind.clone(), state_key.clone()), pdu.owned_event_id().clone()))
            })
            .collect();
        (0..self.states).map(move |state| {
            let mut map = shared.clone();
            for ((kind, state_key), events) in &self.keys {
                if let Some(Some(pdu)) = events.get(state) {
                    let key = (StateEventType::from(&**kind), state_key.to_string());
                    map.insert(key, pdu.owned_event_id().clone());
                }
            }
            map
        })
    }
}

/// The keys at which two states have different events.
fn differing_keys(one: &RoomState, other: &RoomState) -> Vec<Key> {
    let mut keys = Vec::new();
    for difference in one.kinds().diff(other.kinds()) {
        match difference {
            DiffItem::Add(kind, events) | DiffItem::Remove(kind, events) => {
                keys.extend(events.keys().map(|state_key| (Arc::clone(kind), Arc::clone(state_key))));
            }
            DiffItem::Update { old: (kind, old), new: (_, new) } => {
                keys.extend(old.diff(new).map(|difference| {
                    let (DiffItem::Add(state_key, _)
                    | DiffItem::Remove(state_key, _)
                    | DiffItem::Update { new: (state_key, _), .. }) = difference;
                    (Arc::clone(kind), Arc::clone(state_key))
                }));
            }
        }
    }
    keys
}
