//! The part of a room's log that a response covers: the timeline, and the state that goes with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use playhouse_rules::pdu::Pdu;
use playhouse_storage::Store;
use ruma::api::client::filter::RoomFilter;

use super::filter::EventFilter as _;
use crate::{
    room::{RoomError, RoomEvent, RoomView},
    timeline::{
        page::{Direction, Gap, PageRequest, chunk_of, gap_after, page},
        state_at::{Members, StateAt, changed_state},
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

/// Which state goes with a window.
#[derive(Debug, Clone, Copy)]
pub struct StateWish<'a> {
    /// How much of it.
    pub scope: StateScope,
    /// As of the window's end, not of its start.
    pub at_end: bool,
    /// Of which members. Those of a lazy client come whether they changed or not.
    pub members: Members<'a>,
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
        let limited = found.at_gap || reached > lower;
        Ok(Window { timeline, limited, start: start.max(reached), lower, upper })
    }

    /// The state events that go with a window.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn state(&self, window: &Window, wish: StateWish<'_>) -> Result<Vec<Pdu>, RoomError> {
        let until = if wish.at_end { window.upper } else { window.start };
        let at = async |members| StateAt::after(self.store, self.view, until.0 - 1, members).await;
        let mut state = match (wish.scope, wish.members) {
            (StateScope::Everything, members) => at(members).await?.events(),
            (StateScope::Changes, Members::All) => self.changes(window.lower, until, Members::All).await?,
            (StateScope::Changes, members @ Members::Only(users)) => {
                let mut state = self.changes(window.lower, until, Members::Only(&BTreeSet::new())).await?;
                if !users.is_empty() {
                    state.extend(at(members).await?.members());
                }
                state
            }
        };
        if !wish.at_end {
            self.add_hidden_changes(window, wish.members, &mut state).await?;
        }
        let filter = &self.filter.state;
        state.retain(|pdu| filter.passes(pdu) && filter.passes_room(&self.view.room_id));
        Ok(state)
    }

    async fn changes(&self, lower: Gap, until: Gap, members: Members<'_>) -> Result<Vec<Pdu>, RoomError> {
        if until <= lower {
            return Ok(Vec::new());
        }
        changed_state(self.store, self.view, (lower.0 - 1, until.0 - 1), members).await
    }

    /// State changes inside the timeline's span that its filter hid are told as state.
    async fn add_hidden_changes(
        &self,
        window: &Window,
        members: Members<'_>,
        state: &mut Vec<Pdu>,
    ) -> Result<(), RoomError> {
        let hides = self.filter.timeline.types.is_some() || !self.filter.timeline.not_types.is_empty();
        if !hides || window.start >= window.upper {
            return Ok(());
        }
        let shown: BTreeSet<i64> = window.timeline.iter().map(|event| event.seq).collect();
        let span = chunk_of(self.store, self.view, window.start.0, window.upper.0 - 1).await?;
        let mut hidden: BTreeMap<(String, String), Pdu> = BTreeMap::new();
        for event in span.iter().filter(|event| !shown.contains(&event.seq)) {
            for change in &event.changes {
                if let Some(new) =
                    change.new.as_ref().filter(|_| members.want(&change.kind, &change.state_key))
                {
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
}
