//! An event as a client gets it.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#room-event-format>

use playhouse_rules::{pdu::Pdu, redact::redacted, room_version::RoomVersion};
use ruma::{UserId, events::room::member::MembershipState};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    Node,
    erasure::ErasedUsers,
    room::{RoomEvent, RoomView},
};

/// For whom events are rendered.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// The user.
    pub user: &'a UserId,
    /// The device that asks: only it sees its own transaction ids.
    pub device: Option<&'a str>,
    /// Milliseconds since the epoch, for `age`.
    pub now_ms: u64,
    /// Whose events only those see who were there.
    pub erased: &'a ErasedUsers,
}

#[derive(Serialize, Default)]
struct Unsigned<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    age: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_content: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_sender: Option<&'a UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces_state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redacted_because: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    membership: Option<&'a str>,
}

impl<'a> Reader<'a> {
    /// A user who reads now.
    pub fn new(node: &'a Node, user: &'a UserId, device: Option<&'a str>) -> Self {
        Self { user, device, now_ms: node.clocks().now_ms(), erased: node.erased_users() }
    }
}

impl Reader<'_> {
    /// A logged event, with the redaction that applies to it and the reader's membership at it.
    pub fn event(
        &self,
        version: &RoomVersion,
        event: &RoomEvent,
        redaction: Option<&Pdu>,
        membership: Option<&MembershipState>,
        with_room_id: bool,
    ) -> Box<RawValue> {
        let change =
            event.changes.iter().find(|change| event.pdu.is_state_of(&change.kind, &change.state_key));
        let old = change.and_then(|change| change.old.as_ref());
        let unsigned = Unsigned {
            age: Some(self.age(&event.pdu)),
            transaction_id: self.transaction_id(event),
            prev_content: old.map(Pdu::content),
            prev_sender: old.map(Pdu::sender),
            replaces_state: old.map(|old| old.event_id().as_str()),
            redacted_because: None,
            membership: membership.map(MembershipState::as_str),
        };
        if redaction.is_none()
            && membership.is_some_and(|membership| self.is_kept_from(&event.pdu, membership))
        {
            return copy_without_content(version, &event.pdu, &unsigned, with_room_id);
        }
        self.render(version, &event.pdu, redaction, unsigned, with_room_id)
    }

    /// Whether the reader gets a redacted copy of an event, because its sender was erased and the reader, whose membership
    /// at it is given, was not there.
    pub fn is_kept_from(&self, pdu: &Pdu, membership: &MembershipState) -> bool {
        *membership != MembershipState::Join && self.erased.contains(pdu.sender())
    }

    /// A state event as it stands, without what it replaced.
    pub fn state_event(&self, pdu: &Pdu, view: &RoomView, with_room_id: bool) -> Box<RawValue> {
        let unsigned = Unsigned { age: Some(self.age(pdu)), ..Unsigned::default() };
        self.render(view.version, pdu, view.redactions.get(pdu.event_id()), unsigned, with_room_id)
    }

    fn render(
        &self,
        version: &RoomVersion,
        pdu: &Pdu,
        redaction: Option<&Pdu>,
        mut unsigned: Unsigned<'_>,
        with_room_id: bool,
    ) -> Box<RawValue> {
        let Some(redaction) = redaction else {
            return pdu.client_event(raw(&unsigned).as_deref(), with_room_id);
        };
        let because = Unsigned { age: Some(self.age(redaction)), ..Unsigned::default() };
        unsigned.redacted_because = Some(redaction.client_event(raw(&because).as_deref(), with_room_id));
        unsigned.prev_content = None;
        match redacted(version, pdu) {
            Ok(pruned) => pruned.client_event(raw(&unsigned).as_deref(), with_room_id),
            // An event of the log is well-formed; if its pruned form is not, nothing of it is shown.
            Err(_) => redaction.client_event(None, with_room_id),
        }
    }

    fn age(&self, pdu: &Pdu) -> u64 {
        self.now_ms.saturating_sub(u64::from(pdu.origin_server_ts().0))
    }

    fn transaction_id<'e>(&self, event: &'e RoomEvent) -> Option<&'e str> {
        let transaction = event.transaction.as_ref()?;
        let own = transaction.user == self.user.as_str() && Some(transaction.device.as_str()) == self.device;
        own.then_some(transaction.id.as_str())
    }
}

/// A redacted copy of an event that nobody redacted.
fn copy_without_content(
    version: &RoomVersion,
    pdu: &Pdu,
    unsigned: &Unsigned<'_>,
    with_room_id: bool,
) -> Box<RawValue> {
    let unsigned = Unsigned { age: unsigned.age, membership: unsigned.membership, ..Unsigned::default() };
    if let Ok(pruned) = redacted(version, pdu) {
        return pruned.client_event(raw(&unsigned).as_deref(), with_room_id);
    }
    // An event of the log is well-formed; if its pruned form is not, nothing of it is shown.
    let empty = serde_json::json!({ "event_id": pdu.event_id(), "type": "m.room.redaction", "content": {} });
    to_raw_value(&empty).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

fn raw(unsigned: &Unsigned<'_>) -> Option<Box<RawValue>> {
    to_raw_value(unsigned).ok()
}
