//! From bytes to a [`Pdu`].

use std::sync::{Arc, OnceLock};

use ruma::{
    CanonicalJsonObject, EventId, MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId,
    UserId,
    events::{TimelineEventType, room::member::MembershipState},
    signatures::reference_hash,
};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{
    KindText, Pdu, PduInner,
    format::{self, MAX_PDU_TEXT_BYTES, PduError},
};
use crate::RoomVersion;

/// The fields of a PDU that we read. Text is borrowed where nothing is escaped.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
    sender: OwnedUserId,
    room_id: Option<OwnedRoomId>,
    state_key: Option<Arc<str>>,
    content: Box<RawValue>,
    origin_server_ts: MilliSecondsSinceUnixEpoch,
    prev_events: Box<[OwnedEventId]>,
    auth_events: Box<[OwnedEventId]>,
    depth: u64,
    #[serde(default, deserialize_with = "lenient_event_id")]
    redacts: Option<OwnedEventId>,
}

/// Anyone may invent top-level fields, so a `redacts` that is no event id is as if it were absent.
fn lenient_event_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OwnedEventId>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_str().and_then(|id| EventId::parse(id).ok()))
}

impl Pdu {
    /// Parses an event.
    ///
    /// With `event_id` the text is one that we wrote ourselves, from the log: it is believed. Without, it comes from
    /// outside: it must be canonical JSON of the right format, is re-encoded (so that no duplicate key or escape
    /// survives which two readers might see differently), and its id is computed. Signatures and the content hash are
    /// checked elsewhere.
    ///
    /// # Errors
    /// The text is not a PDU of this room version: drop it, and never fail the transaction that brought it.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu>
    pub fn parse(
        version: &RoomVersion,
        json: Box<RawValue>,
        event_id: Option<OwnedEventId>,
    ) -> Result<Self, PduError> {
        match event_id {
            Some(event_id) => known(version, json, event_id),
            None => unknown(version, &json),
        }
    }
}

fn known(version: &RoomVersion, json: Box<RawValue>, event_id: OwnedEventId) -> Result<Pdu, PduError> {
    let Fields {
        kind,
        sender,
        room_id,
        state_key,
        content,
        origin_server_ts,
        prev_events,
        auth_events,
        depth,
        redacts,
    } = serde_json::from_str(json.get())?;
    let names_room = room_id.is_some();
    let room_id = match room_id {
        Some(room_id) => room_id,
        None => room_of_create(&event_id)?,
    };
    let facts = facts_of(version, &kind, state_key.as_deref(), &content, redacts);
    Ok(Pdu::from_inner(PduInner {
        event_id,
        room_id,
        names_room,
        sender,
        kind: TimelineEventType::from(&*kind),
        kind_text: KindText::new(&kind),
        state_key,
        content,
        origin_server_ts,
        prev_events,
        auth_events,
        depth,
        redacts: facts.redacts,
        membership: facts.membership,
        json,
        client: OnceLock::new(),
    }))
}

fn unknown(version: &RoomVersion, json: &RawValue) -> Result<Pdu, PduError> {
    if json.get().len() > MAX_PDU_TEXT_BYTES {
        return Err(PduError::TooLarge { bytes: json.get().len() });
    }
    let mut object: CanonicalJsonObject =
        serde_json::from_str(json.get()).map_err(|error| PduError::NotCanonical(error.to_string()))?;
    let mut canonical = serde_json::to_string(&object)?;
    format::check(&object, canonical.len(), version)?;
    check_ids(&object)?;
    // Anyone on the way may have written `unsigned`: it counts for the size but is no part of the event.
    if object.remove("unsigned").is_some() {
        canonical = serde_json::to_string(&object)?;
    }
    let hash = reference_hash(&object, version.rules())
        .map_err(|_| PduError::Invalid { field: "content", reason: "the event cannot be redacted" })?;
    let event_id = EventId::parse(format!("${hash}"))
        .map_err(|_| PduError::Invalid { field: "event_id", reason: "not an event id" })?;
    known(version, RawValue::from_string(canonical)?, event_id)
}

/// Checks the ids, so that a bad one is reported by its field's name.
fn check_ids(object: &CanonicalJsonObject) -> Result<(), PduError> {
    let text = |field: &str| object.get(field).and_then(|value| value.as_str());
    if text("sender").is_none_or(|id| <&UserId>::try_from(id).is_err()) {
        return Err(PduError::Invalid { field: "sender", reason: "not a user id" });
    }
    if text("room_id").is_some_and(|id| <&RoomId>::try_from(id).is_err()) {
        return Err(PduError::Invalid { field: "room_id", reason: "not a room id" });
    }
    Ok(())
}

/// The id of the room that a version 12 create event makes.
///
/// Specification: <https://spec.matrix.org/v1.19/rooms/v12/#room-ids>
pub(crate) fn room_of_create(event_id: &EventId) -> Result<OwnedRoomId, PduError> {
    let hash = event_id.as_str().get(1..).unwrap_or_default();
    RoomId::parse(format!("!{hash}")).map_err(|_| PduError::Missing { field: "room_id" })
}

/// What the content of a few types says, read once.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) redacts: Option<OwnedEventId>,
    pub(crate) membership: Option<MembershipState>,
}

/// Reads the membership of a member event and the target of a redaction.
pub(crate) fn facts_of(
    version: &RoomVersion,
    kind: &str,
    state_key: Option<&str>,
    content: &RawValue,
    redacts: Option<OwnedEventId>,
) -> Facts {
    #[derive(Deserialize)]
    struct Member {
        membership: MembershipState,
    }
    #[derive(Deserialize)]
    struct Redaction {
        redacts: OwnedEventId,
    }
    match kind {
        "m.room.member" if state_key.is_some_and(|user| <&UserId>::try_from(user).is_ok()) => Facts {
            membership: serde_json::from_str(content.get()).ok().map(|member: Member| member.membership),
            ..Facts::default()
        },
        "m.room.redaction" if version.redacts_in_content() => Facts {
            redacts: serde_json::from_str(content.get()).ok().map(|redaction: Redaction| redaction.redacts),
            ..Facts::default()
        },
        "m.room.redaction" => Facts { redacts, ..Facts::default() },
        _ => Facts::default(),
    }
}
