//! The forward extremities of a room: the events that no other accepted event follows yet.
//!
//! **Invariant (I6)**: an event takes away only the extremities that it references. What it does not reference stays,
//! so that no branch of the room is ever dropped.
//!
//! Specification: <https://spec.matrix.org/v1.19/server-server-api/#pdus>

use ruma::{EventId, OwnedEventId};

use crate::Pdu;

/// The most extremities that one event of ours follows.
pub const MAX_OWN_PREV_EVENTS: usize = 10;

/// The greatest depth: the greatest integer of canonical JSON.
const MAX_DEPTH: u64 = (1 << 53) - 1;

/// An extremity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extremity {
    /// The event.
    pub event_id: OwnedEventId,
    /// Its depth.
    pub depth: u64,
}

/// The set of forward extremities, in the order in which they became such.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extremities(Vec<Extremity>);

impl Extremities {
    /// The set of a room without events.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in an accepted event that no other event follows: the set becomes the event and what it does not reference.
    /// An event that is in the set already changes nothing.
    pub fn advance(&mut self, pdu: &Pdu) {
        if self.contains(pdu.event_id()) {
            return;
        }
        self.remove_referenced(pdu.prev_events());
        self.0.push(Extremity { event_id: pdu.event_id().to_owned(), depth: pdu.depth() });
    }

    /// Takes in an event that some known event follows, or that is not accepted but may be followed: it is no extremity
    /// itself.
    pub fn remove_referenced(&mut self, referenced: &[OwnedEventId]) {
        self.0.retain(|extremity| !referenced.contains(&extremity.event_id));
    }

    /// The events that an event of ours follows: the newest, at most [`MAX_OWN_PREV_EVENTS`].
    pub fn prev_events(&self) -> Vec<OwnedEventId> {
        if self.0.len() <= MAX_OWN_PREV_EVENTS {
            return self.0.iter().map(|extremity| extremity.event_id.clone()).collect();
        }
        let mut newest: Vec<_> = self.0.iter().enumerate().collect();
        newest.sort_by_key(|(index, extremity)| std::cmp::Reverse((extremity.depth, *index)));
        newest.truncate(MAX_OWN_PREV_EVENTS);
        newest.into_iter().map(|(_, extremity)| extremity.event_id.clone()).collect()
    }

    /// The depth of an event of ours: one more than the greatest of the set. The deepest extremity is always among the
    /// newest, so this is right for [`Self::prev_events`] too.
    pub fn next_depth(&self) -> u64 {
        match self.max_depth() {
            Some(depth) => depth.saturating_add(1).min(MAX_DEPTH),
            None => 1,
        }
    }

    /// The greatest depth of the set, `None` if it is empty.
    pub fn max_depth(&self) -> Option<u64> {
        self.0.iter().map(|extremity| extremity.depth).max()
    }

    /// Whether this event is an extremity.
    pub fn contains(&self, event_id: &EventId) -> bool {
        self.0.iter().any(|extremity| extremity.event_id == event_id)
    }

    /// Each extremity, oldest first.
    pub fn iter(&self) -> std::slice::Iter<'_, Extremity> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none: the room has no events.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// From the stored set, in its order.
impl FromIterator<Extremity> for Extremities {
    fn from_iter<I: IntoIterator<Item = Extremity>>(extremities: I) -> Self {
        Self(extremities.into_iter().collect())
    }
}

impl<'a> IntoIterator for &'a Extremities {
    type Item = &'a Extremity;
    type IntoIter = std::slice::Iter<'a, Extremity>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests;
