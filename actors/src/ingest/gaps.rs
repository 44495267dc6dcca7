//! Gaps: what an event cites or follows and is not here, asked of the server that sent the event.
//!
//! Everything is bounded: some rounds of missing events, one state for each event at the far side of the gap, each within the
//! bounds of the client. What cannot be had stays missing; the event is then not taken.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use futures_util::{StreamExt as _, stream};
use playhouse_federation::{
    Federation,
    client::{Gap, MOST_MISSING_EVENTS, RequestError, Unverified},
};
use playhouse_rules::{Pdu, state::RoomState};
use ruma::{EventId, OwnedEventId, OwnedServerName};
use serde_json::value::RawValue;

use super::{IngestError, outliers::OutlierShelf};
use crate::room::{RoomError, RoomView, load::place_of};

/// Rounds of missing events, of [`MOST_MISSING_EVENTS`] each: what lies further back is left out, and the state there asked
/// for.
const MOST_ROUNDS: usize = 50;
/// Single events asked for, before all of a state is.
const MOST_SINGLE_EVENTS: usize = 60;
/// Single events asked for at once.
const AT_ONCE: usize = 8;

/// What a server tells of a gap at once.
struct Round {
    events: Vec<Pdu>,
    /// Whether it has no more.
    is_last: bool,
}

/// Asks one server for what is missing in one room.
pub struct Gaps<'a> {
    /// Asks.
    pub federation: &'a Arc<Federation>,
    /// The server.
    pub from: &'a OwnedServerName,
    /// Keeps what is told without a place in the timeline.
    pub shelf: OutlierShelf<'a>,
}

impl Gaps<'_> {
    /// Gets what an event cites.
    ///
    /// # Errors
    /// The store does not answer. That the server does not is none: the events stay missing.
    pub async fn auth_events(&self, view: &RoomView, pdu: &Pdu) -> Result<(), IngestError> {
        let asked = self.federation.client().event_auth(self.from, self.shelf.room_id, pdu.event_id()).await;
        let Some(chain) = self.told("auth chain", asked) else { return Ok(()) };
        self.keep(view, chain).await?;
        Ok(())
    }

    /// Gets the events between the room's forward extremities and an event, the oldest first: round by round, as long as the
    /// gap is open and the server has more.
    pub async fn events_before(&self, view: &RoomView, pdu: &Pdu) -> Result<Vec<Pdu>, IngestError> {
        let mut found: HashMap<OwnedEventId, Pdu> = HashMap::new();
        let mut latest = vec![pdu.event_id().to_owned()];
        for _ in 0..MOST_ROUNDS {
            let Round { events, is_last } = self.round(view, &latest).await;
            let fresh = events.into_iter().filter(|event| !found.contains_key(event.event_id()));
            let fresh: Vec<Pdu> = fresh.filter(|event| event.event_id() != pdu.event_id()).collect();
            if fresh.is_empty() {
                break;
            }
            found.extend(fresh.iter().map(|event| (event.event_id().to_owned(), event.clone())));
            latest = self.at_the_far_side(view, &fresh, &found).await?;
            if latest.is_empty() || is_last {
                break;
            }
        }
        let mut events: Vec<Pdu> = found.into_values().collect();
        events.sort_by_key(Pdu::depth);
        Ok(events)
    }

    /// Events before `latest`, as far as the server tells them at once.
    async fn round(&self, view: &RoomView, latest: &[OwnedEventId]) -> Round {
        let earliest = view.extremity_ids();
        let gap = Gap { earliest_events: &earliest, latest_events: latest, min_depth: view.floor };
        let asked = self.federation.client().missing_events(self.from, self.shelf.room_id, gap).await;
        let events = self.told("missing events", asked).unwrap_or_default();
        let is_last = events.len() < MOST_MISSING_EVENTS;
        let mut events = self.verified(events).await;
        events.retain(|event| event.room_id() == self.shelf.room_id);
        Round { events, is_last }
    }

    /// Those of `fresh` that follow something that is neither in the room's log nor among what was found.
    async fn at_the_far_side(
        &self,
        view: &RoomView,
        fresh: &[Pdu],
        found: &HashMap<OwnedEventId, Pdu>,
    ) -> Result<Vec<OwnedEventId>, IngestError> {
        let mut open = Vec::new();
        for event in fresh {
            for prev in event.prev_events().iter().filter(|prev| !found.contains_key(*prev)) {
                if place_of(self.shelf.store, view, prev).await.map_err(RoomError::from)?.is_none() {
                    open.push(event.event_id().to_owned());
                    break;
                }
            }
        }
        Ok(open)
    }

    /// The state after an event that is not in the log, as the server tells it; `None` if it does not.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn state_after(
        &self,
        view: &RoomView,
        event_id: &EventId,
    ) -> Result<Option<RoomState>, IngestError> {
        let client = self.federation.client();
        let asked = client.state_ids_before(self.from, self.shelf.room_id, event_id).await;
        let Some(ids) = self.told("state", asked) else { return Ok(None) };
        let own = event_id.to_owned();
        let wanted: HashSet<&OwnedEventId> =
            ids.pdu_ids.iter().chain(&ids.auth_chain_ids).chain(std::iter::once(&own)).collect();
        let mut known = self.shelf.known(wanted.iter().copied().map(AsRef::as_ref)).await?;
        let missing: Vec<&OwnedEventId> = wanted.into_iter().filter(|id| !known.contains_key(*id)).collect();
        let found = if missing.len() <= MOST_SINGLE_EVENTS {
            self.single_events(&missing).await
        } else {
            let asked = client.state_before(self.from, self.shelf.room_id, event_id).await;
            let Some(whole) = self.told("state", asked) else { return Ok(None) };
            let mut found = self.single_events(&[&own]).await;
            found.extend(whole.pdus);
            found.extend(whole.auth_chain);
            found
        };
        known.extend(self.keep(view, found).await?);
        let mut state = RoomState::new(view.version);
        let own = known.get(&own).into_iter();
        for pdu in ids.pdu_ids.iter().filter_map(|id| known.get(id)).chain(own) {
            if pdu.is_state() && !pdu.is_rejected() {
                state.insert(pdu.clone());
            }
        }
        Ok(state.create().is_some().then_some(state))
    }

    async fn single_events(&self, ids: &[&OwnedEventId]) -> Unverified {
        let ids: Vec<OwnedEventId> = ids.iter().map(|id| (*id).clone()).collect();
        let asked = stream::iter(ids)
            .map(|id| async move { self.federation.client().event(self.from, &id).await })
            .buffer_unordered(AT_ONCE);
        asked.filter_map(async |event| self.told("event", event)).collect().await
    }

    async fn keep(&self, view: &RoomView, events: Unverified) -> Result<super::prepare::Known, IngestError> {
        let events = self.verified(events).await;
        let unknown = self.unknown(events).await?;
        Ok(self.shelf.keep(unknown, view.state.create().cloned()).await?)
    }

    async fn unknown(&self, events: Vec<Pdu>) -> Result<Vec<Pdu>, IngestError> {
        let known = self.shelf.known(events.iter().map(Pdu::event_id)).await?;
        Ok(events.into_iter().filter(|pdu| !known.contains_key(pdu.event_id())).collect())
    }

    /// The events of which everything is right that can be checked without the room.
    async fn verified(&self, events: Vec<Box<RawValue>>) -> Vec<Pdu> {
        let verified = self.federation.verify_all(self.shelf.version, events).await;
        let log = |error: &_| tracing::debug!(from = %self.from, %error, "an event told cannot be used");
        verified.into_iter().filter_map(|event| event.inspect_err(log).ok()).collect()
    }

    fn told<T>(&self, what: &str, answer: Result<T, RequestError>) -> Option<T> {
        answer.inspect_err(|error| tracing::debug!(from = %self.from, %error, "no {what}")).ok()
    }
}
