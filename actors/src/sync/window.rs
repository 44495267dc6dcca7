//! The part of a room's log that a response covers: the timeline, and the state that goes with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use playhouse_rules::{pdu::Pdu, state::RoomState};
use playhouse_storage::Store;
use ruma::{OwnedUserId, api::client::filter::RoomFilter};

use super::filter::EventFilter as _;
use crate::{
    room::{RoomError, RoomEvent, RoomView},
    timeline::{
        page::{Direction, Gap, PageRequest, chunk_of, gap_after, page},
        state_at::{changed_state, state_after},
        visibility::Sight,
    },
    user::data::UserData,
};

/// What of a room's log is new to a client.
pub struct Window {
    /// The events to show, oldest first.
    pub timeline: Vec<Arc<RoomEvent>>,
    /// Whether there are new ones before them.
    pub limited: bool,
    /// The gap before the timeline.
    pub start: Gap,
    /// The gap after what the client had.
    pub lower: Gap,
    /// The gap after the newest event that it may get.
    pub upper: Gap,
}

/// How much of the state a response carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateScope {
    /// What changed in the window.
    Changes,
    /// All of it: a first sync, a newly joined room, `full_state`.
    Everything,
}

/// Whose timeline, and by which filter.
pub struct WindowRequest<'a> {
    /// The store.
    pub store: &'a Store,
    /// The room.
    pub view: &'a RoomView,
    /// What the user may see.
    pub sight: &'a Sight,
    /// The filter.
    pub filter: &'a RoomFilter,
    /// The user's own stream, which knows who is ignored.
    pub data: &'a UserData,
}

/// The gap after what a client with a token for `since` has of a room; the beginning for `None`.
///
/// # Errors
/// When the store does not answer.
pub async fn had_up_to(store: &Store, view: &RoomView, since: Option<i64>) -> Result<Gap, RoomError> {
    match since {
        Some(since) => gap_after(store, view, since).await,
        None => Ok(Gap(0)),
    }
}

impl WindowRequest<'_> {
    /// The newest visible events between two gaps.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn read(&self, lower: Gap, upper: Gap) -> Result<Window, RoomError> {
        let filter = &self.filter.timeline;
        let limit = filter.event_limit();
        let shows = |event: &RoomEvent| {
            filter.passes(&event.pdu) && (event.pdu.is_state() || !self.data.ignores(event.pdu.sender()))
        };
        if limit == 0 || !filter.passes_room(&self.view.room_id) || lower >= upper {
            return Ok(Window { timeline: Vec::new(), limited: lower < upper, start: upper, lower, upper });
        }
        let request = PageRequest {
            from: upper,
            to: Some(lower),
            direction: Direction::Backward,
            limit,
            matches: &shows,
        };
        let found = page(self.store, self.view, self.sight, &request).await?;
        let mut timeline = found.events;
        timeline.reverse();
        let reached = found.end.unwrap_or(lower);
        let start = timeline.first().map_or(upper, |event| Gap(event.seq));
        Ok(Window { timeline, limited: reached > lower, start: start.max(reached), lower, upper })
    }

    /// The state events that go with a window, as of its start, or with `at_end` as of its end.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn state(
        &self,
        window: &Window,
        scope: StateScope,
        at_end: bool,
    ) -> Result<Vec<Pdu>, RoomError> {
        let until = if at_end { window.upper } else { window.start };
        let mut state: Vec<Pdu> = match scope {
            StateScope::Everything => {
                let state: RoomState = state_after(self.store, self.view, until.0 - 1).await?;
                state.iter().cloned().collect()
            }
            StateScope::Changes if until > window.lower => {
                changed_state(self.store, self.view, window.lower.0 - 1, until.0 - 1).await?
            }
            StateScope::Changes => Vec::new(),
        };
        if !at_end {
            self.add_hidden_changes(window, &mut state).await?;
        }
        let filter = &self.filter.state;
        state.retain(|pdu| filter.passes(pdu) && filter.passes_room(&self.view.room_id));
        Ok(state)
    }

    /// State changes inside the timeline's span that its filter hid are told as state.
    async fn add_hidden_changes(&self, window: &Window, state: &mut Vec<Pdu>) -> Result<(), RoomError> {
        let hides = self.filter.timeline.types.is_some() || !self.filter.timeline.not_types.is_empty();
        if !hides || window.start >= window.upper {
            return Ok(());
        }
        let shown: BTreeSet<i64> = window.timeline.iter().map(|event| event.seq).collect();
        let span = chunk_of(self.store, self.view, window.start.0, window.upper.0 - 1).await?;
        let mut hidden: BTreeMap<(String, String), Pdu> = BTreeMap::new();
        for event in span.iter().filter(|event| !shown.contains(&event.seq)) {
            for change in &event.changes {
                if let Some(new) = &change.new {
                    hidden.insert((change.kind.clone(), change.state_key.clone()), new.clone());
                }
            }
        }
        state.retain(|pdu| {
            !hidden.contains_key(&(pdu.kind_str().to_owned(), pdu.state_key().unwrap_or_default().to_owned()))
        });
        state.extend(hidden.into_values());
        Ok(())
    }

    /// Keeps of the member events only those of `needed` users, and adds theirs where the scope left them out.
    pub fn load_lazily(&self, state: &mut Vec<Pdu>, needed: &BTreeSet<OwnedUserId>, at: &RoomState) {
        state.retain(|pdu| {
            pdu.kind_str() != "m.room.member"
                || pdu.state_key().is_some_and(|user| needed.iter().any(|needed| needed.as_str() == user))
        });
        let there: BTreeSet<String> = state
            .iter()
            .filter(|pdu| pdu.kind_str() == "m.room.member")
            .filter_map(|pdu| pdu.state_key().map(ToOwned::to_owned))
            .collect();
        for user in needed.iter().filter(|user| !there.contains(user.as_str())) {
            state.extend(at.get("m.room.member", user.as_str()).cloned());
        }
    }
}
