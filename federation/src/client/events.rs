//! Asking for events and states of rooms.

use ruma::{EventId, OwnedEventId, RoomId, ServerName};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Client, RequestError, Signature, escaped, parsed};

/// The most bytes of an answer with a few events: some dozens of the largest allowed, and what wraps them.
const MOST_EVENTS_BYTES: usize = 4 << 20;
/// The most bytes of a page of history: a hundred of the largest events.
const MOST_HISTORY_BYTES: usize = 8 << 20;
/// The most bytes of an auth chain, of a list of ids or of a state: that of a room with some ten thousand members.
pub(super) const MOST_STATE_BYTES: usize = 128 << 20;
/// The most missing events asked for at once: as many as every server gives, so that fewer are all that it has.
pub const MOST_MISSING_EVENTS: usize = 20;

/// Events as a server handed them out: unchecked.
pub type Unverified = Vec<Box<RawValue>>;

/// The state before an event.
#[derive(Debug, Deserialize)]
pub struct StateBefore {
    /// The events that stand in it.
    pub pdus: Unverified,
    /// What these cite, directly or not.
    pub auth_chain: Unverified,
}

/// The ids of the same.
#[derive(Debug, Deserialize)]
pub struct StateIdsBefore {
    /// The events that stand in it.
    pub pdu_ids: Vec<OwnedEventId>,
    /// What these cite, directly or not.
    pub auth_chain_ids: Vec<OwnedEventId>,
}

/// What is known and what is wanted of a gap in a room.
#[derive(Debug, Serialize)]
pub struct Gap<'a> {
    /// Events that are here: nothing before them is wanted.
    pub earliest_events: &'a [OwnedEventId],
    /// Events whose predecessors are wanted.
    pub latest_events: &'a [OwnedEventId],
    /// The least depth that is of interest.
    pub min_depth: u64,
}

#[derive(Deserialize)]
struct Transaction {
    #[serde(default)]
    pdus: Unverified,
}

#[derive(Deserialize)]
struct AuthChain {
    auth_chain: Unverified,
}

#[derive(Deserialize)]
struct Events {
    #[serde(default)]
    events: Unverified,
}

impl Client {
    /// One event.
    ///
    /// # Errors
    /// [`RequestError`]; the server may not have it, or not hand it out.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1eventeventid>
    pub async fn event(
        &self,
        server: &ServerName,
        event_id: &EventId,
    ) -> Result<Box<RawValue>, RequestError> {
        let target = format!("/_matrix/federation/v1/event/{}", escaped(event_id.as_str()));
        let body = self.get(server, &target, Signature::Ours, MOST_EVENTS_BYTES).await?;
        let pdu = parsed::<Transaction>(&body)?.pdus.pop();
        pdu.ok_or_else(|| RequestError::Malformed("there is no event in it".to_owned()))
    }

    /// Everything that an event cites, directly or not.
    ///
    /// # Errors
    /// [`RequestError`].
    ///
    /// Specification: <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1event_authroomideventid>
    pub async fn event_auth(
        &self,
        server: &ServerName,
        room_id: &RoomId,
        event_id: &EventId,
    ) -> Result<Unverified, RequestError> {
        let (room_id, event_id) = (escaped(room_id.as_str()), escaped(event_id.as_str()));
        let target = format!("/_matrix/federation/v1/event_auth/{room_id}/{event_id}");
        let body = self.get(server, &target, Signature::Ours, MOST_STATE_BYTES).await?;
        Ok(parsed::<AuthChain>(&body)?.auth_chain)
    }

    /// The state of a room before an event.
    ///
    /// # Errors
    /// [`RequestError`].
    ///
    /// Specification: <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1stateroomid>
    pub async fn state_before(
        &self,
        server: &ServerName,
        room_id: &RoomId,
        event_id: &EventId,
    ) -> Result<StateBefore, RequestError> {
        let target = state_target("state", room_id, event_id);
        parsed(&self.get(server, &target, Signature::Ours, MOST_STATE_BYTES).await?)
    }

    /// The ids of the state of a room before an event.
    ///
    /// # Errors
    /// [`RequestError`].
    ///
    /// Specification: <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1state_idsroomid>
    pub async fn state_ids_before(
        &self,
        server: &ServerName,
        room_id: &RoomId,
        event_id: &EventId,
    ) -> Result<StateIdsBefore, RequestError> {
        let target = state_target("state_ids", room_id, event_id);
        parsed(&self.get(server, &target, Signature::Ours, MOST_STATE_BYTES).await?)
    }

    /// Events and what lies before them, at most `limit`.
    ///
    /// # Errors
    /// [`RequestError`].
    ///
    /// Specification: <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1backfillroomid>
    pub async fn backfill(
        &self,
        server: &ServerName,
        room_id: &RoomId,
        from: &[OwnedEventId],
        limit: usize,
    ) -> Result<Unverified, RequestError> {
        let mut target =
            format!("/_matrix/federation/v1/backfill/{}?limit={limit}", escaped(room_id.as_str()));
        for event_id in from {
            target = format!("{target}&v={}", escaped(event_id.as_str()));
        }
        let body = self.get(server, &target, Signature::Ours, MOST_HISTORY_BYTES).await?;
        let mut events = parsed::<Transaction>(&body)?.pdus;
        events.truncate(limit);
        Ok(events)
    }

    /// Events that lie in a gap, at most [`MOST_MISSING_EVENTS`], in no order.
    ///
    /// # Errors
    /// [`RequestError`].
    ///
    /// Specification: <https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1get_missing_eventsroomid>
    pub async fn missing_events(
        &self,
        server: &ServerName,
        room_id: &RoomId,
        gap: Gap<'_>,
    ) -> Result<Unverified, RequestError> {
        #[derive(Serialize)]
        struct Question<'a> {
            #[serde(flatten)]
            gap: Gap<'a>,
            limit: usize,
        }
        let target = format!("/_matrix/federation/v1/get_missing_events/{}", escaped(room_id.as_str()));
        let question = Question { gap, limit: MOST_MISSING_EVENTS };
        let body = self.post(server, &target, &question, self.patient(MOST_EVENTS_BYTES)).await?;
        let mut events = parsed::<Events>(&body)?.events;
        events.truncate(MOST_MISSING_EVENTS);
        Ok(events)
    }
}

fn state_target(what: &str, room_id: &RoomId, event_id: &EventId) -> String {
    let (room_id, event_id) = (escaped(room_id.as_str()), escaped(event_id.as_str()));
    format!("/_matrix/federation/v1/{what}/{room_id}?event_id={event_id}")
}
