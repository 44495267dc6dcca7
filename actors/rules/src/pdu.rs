//! A persisted event ("PDU"): the signed bytes, parsed once, shared by reference count.
//!
//! | File | Holds |
//! |---|---|
//! | `parse` | from bytes to a [`Pdu`]: the format part of the one verify path (**I13**) |
//! | `format` | the format rules: sizes, field types, references |
//! | `render` | the forms that others see: client event, stripped state |
//! | `kind` | the text of an event type without an allocation |
//! | `standing` | what the checks on receipt made of an event |
//!
//! Specification: <https://spec.matrix.org/v1.19/server-server-api/#pdus>

mod event;
mod format;
mod kind;
mod parse;
mod render;
mod standing;

#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use ruma::{
    EventId, MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UserId,
    events::{TimelineEventType, room::member::MembershipState},
};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

pub use self::{
    format::{
        MAX_AUTH_EVENTS, MAX_FIELD_BYTES, MAX_PDU_BYTES, MAX_PDU_TEXT_BYTES, MAX_PREV_EVENTS, PduError,
    },
    standing::PduStanding,
};
pub(crate) use self::{
    kind::KindText,
    parse::{facts_of, room_of_create},
};

/// An event as its sender's server signed it. Cheap to clone, immutable, `Send + Sync`.
#[derive(Clone)]
pub struct Pdu {
    inner: Arc<PduInner>,
    /// Beside the shared part, since it is our judgement and not the event's.
    rejected: bool,
}

pub(crate) struct PduInner {
    pub(crate) event_id: OwnedEventId,
    pub(crate) room_id: OwnedRoomId,
    /// Whether the JSON itself has a `room_id`: a create event of version 12 must not.
    pub(crate) names_room: bool,
    pub(crate) sender: OwnedUserId,
    pub(crate) kind: TimelineEventType,
    pub(crate) kind_text: KindText,
    pub(crate) state_key: Option<Arc<str>>,
    pub(crate) content: Box<RawValue>,
    pub(crate) origin_server_ts: MilliSecondsSinceUnixEpoch,
    pub(crate) prev_events: Box<[OwnedEventId]>,
    pub(crate) auth_events: Box<[OwnedEventId]>,
    pub(crate) depth: u64,
    pub(crate) redacts: Option<OwnedEventId>,
    pub(crate) membership: Option<MembershipState>,
    pub(crate) json: Box<RawValue>,
    pub(crate) client: OnceLock<render::ClientJson>,
}

impl Pdu {
    pub(crate) fn from_inner(inner: PduInner) -> Self {
        Self { inner: Arc::new(inner), rejected: false }
    }

    /// The event's id: the reference hash of the event.
    pub fn event_id(&self) -> &EventId {
        &self.inner.event_id
    }

    /// The id in its owned form, for maps keyed by it.
    pub(crate) fn owned_event_id(&self) -> &OwnedEventId {
        &self.inner.event_id
    }

    /// The room. For a version 12 create event, which does not name its room, derived from the event's id.
    pub fn room_id(&self) -> &RoomId {
        &self.inner.room_id
    }

    /// Who sent it.
    pub fn sender(&self) -> &UserId {
        &self.inner.sender
    }

    /// The event type.
    pub fn kind(&self) -> &TimelineEventType {
        &self.inner.kind
    }

    /// The event type as text.
    pub fn kind_str(&self) -> &str {
        &self.inner.kind_text
    }

    /// The state key, if this is a state event.
    pub fn state_key(&self) -> Option<&str> {
        self.inner.state_key.as_deref()
    }

    /// The state key in its shared form, so that a map keyed by it copies no text.
    pub(crate) fn shared_state_key(&self) -> Option<&Arc<str>> {
        self.inner.state_key.as_ref()
    }

    /// Whether this is a state event.
    pub fn is_state(&self) -> bool {
        self.inner.state_key.is_some()
    }

    /// Whether this is a state event of this type and state key.
    pub fn is_state_of(&self, kind: &str, state_key: &str) -> bool {
        self.state_key() == Some(state_key) && self.kind_str() == kind
    }

    /// The content, as JSON text.
    pub fn content(&self) -> &RawValue {
        &self.inner.content
    }

    /// The content, parsed.
    ///
    /// # Errors
    /// The content of an event from outside promises nothing: on an error treat the fields as absent.
    pub fn content_as<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.inner.content.get())
    }

    /// When the sender's server says that it was sent. Not to be trusted.
    pub fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        self.inner.origin_server_ts
    }

    /// The events before it in the room's graph, at most 20.
    pub fn prev_events(&self) -> &[OwnedEventId] {
        &self.inner.prev_events
    }

    /// The events that it says authorize it, at most 10.
    pub fn auth_events(&self) -> &[OwnedEventId] {
        &self.inner.auth_events
    }

    /// One more than the greatest depth of the events before it, as its sender says.
    pub fn depth(&self) -> u64 {
        self.inner.depth
    }

    /// The event that this one redacts, if it is an `m.room.redaction`: from the place where the room version has it.
    pub fn redacts(&self) -> Option<&EventId> {
        self.inner.redacts.as_deref()
    }

    /// The membership that this event sets, if it is an `m.room.member` event of a user and has one.
    pub fn membership(&self) -> Option<&MembershipState> {
        self.inner.membership.as_ref()
    }

    /// The whole event as it was signed, in canonical JSON.
    pub fn json(&self) -> &RawValue {
        &self.inner.json
    }

    /// The same event, judged: a rejected event authorizes nothing.
    #[must_use]
    pub fn with_rejected(mut self, rejected: bool) -> Self {
        self.rejected = rejected;
        self
    }

    /// Whether the event failed the checks on receipt.
    pub fn is_rejected(&self) -> bool {
        self.rejected
    }

    /// Whether both are one and the same parsed event in memory: true is certain, false says nothing.
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Memory that it holds, about, for cache budgets.
    pub fn estimated_bytes(&self) -> usize {
        let inner = &*self.inner;
        let ids: usize =
            inner.prev_events.iter().chain(&inner.auth_events).map(|id| 16 + id.as_str().len()).sum();
        let rendered = inner.client.get().map_or(0, render::ClientJson::len);
        size_of::<PduInner>()
            + 2 * size_of::<usize>()
            + inner.json.get().len()
            + inner.content.get().len()
            + inner.event_id.as_str().len()
            + inner.room_id.as_str().len()
            + inner.sender.as_str().len()
            + self.state_key().map_or(0, str::len)
            + ids
            + rendered
    }
}

/// Two PDUs are equal if they are the same event: the id is a hash of everything else.
impl PartialEq for Pdu {
    fn eq(&self, other: &Self) -> bool {
        self.ptr_eq(other) || self.event_id() == other.event_id()
    }
}

impl Eq for Pdu {}

impl fmt::Debug for Pdu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pdu")
            .field("event_id", &self.event_id())
            .field("kind", &self.kind_str())
            .field("state_key", &self.state_key())
            .field("sender", &self.sender())
            .finish_non_exhaustive()
    }
}
