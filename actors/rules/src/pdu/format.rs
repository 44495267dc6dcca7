//! The format of a PDU: sizes, types of the fields, references.
//!
//! Specification: <https://spec.matrix.org/v1.19/client-server-api/#size-limits> and the "event format" of each
//! [room version](https://spec.matrix.org/v1.19/rooms/).

use ruma::{CanonicalJsonObject, CanonicalJsonValue, EventId};

use crate::RoomVersion;

/// The most bytes of a PDU in canonical JSON, signatures included.
pub const MAX_PDU_BYTES: usize = 65_536;
/// The most bytes of text that is parsed as a PDU at all: a PDU of the greatest size in which each byte is written as
/// the escape `\u00xx`.
pub const MAX_PDU_TEXT_BYTES: usize = 6 * MAX_PDU_BYTES;
/// The most bytes of `type`, `state_key`, `sender`, `room_id` and an event id. Of events from elsewhere the characters are
/// counted, as every server did once: to drop what others have accepted splits a room.
pub const MAX_FIELD_BYTES: usize = 255;
/// The most entries of `prev_events`.
pub const MAX_PREV_EVENTS: usize = 20;
/// The most entries of `auth_events`.
pub const MAX_AUTH_EVENTS: usize = 10;

/// Why bytes are not a PDU. Such an event is dropped: it has no id that could be remembered.
#[derive(Debug, thiserror::Error)]
pub enum PduError {
    /// Larger than [`MAX_PDU_BYTES`].
    #[error("the event is {bytes} bytes, more than {MAX_PDU_BYTES}")]
    TooLarge {
        /// Its size in canonical JSON.
        bytes: usize,
    },
    /// Not JSON, or JSON that canonical JSON forbids (a float, an integer beyond 2^53-1, too deep).
    #[error("the event is not canonical JSON: {0}")]
    NotCanonical(String),
    /// A field that every PDU of this room version has is absent.
    #[error("the event has no `{field}`")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A field has a value of the wrong type, or one that is not allowed there.
    #[error("`{field}` of the event is invalid: {reason}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A field is longer than [`MAX_FIELD_BYTES`].
    #[error("`{field}` of the event is longer than {MAX_FIELD_BYTES} bytes")]
    FieldTooLong {
        /// The field.
        field: &'static str,
    },
    /// `prev_events` or `auth_events` has too many entries.
    #[error("`{field}` of the event has more than {max} entries")]
    TooManyReferences {
        /// The field.
        field: &'static str,
        /// The limit.
        max: usize,
    },
    /// The fields do not parse.
    #[error("the event does not parse: {0}")]
    Malformed(#[from] serde_json::Error),
}

/// Checks the format of an event whose canonical JSON has `bytes` bytes.
///
/// The same rules as `ruma::state_res::check_pdu_format` (the oracle of the tests), but for the size: ruma refuses an
/// event of exactly 65,536 bytes, which the specification allows, and to drop what other servers accept splits a room.
pub(super) fn check(pdu: &CanonicalJsonObject, bytes: usize, version: &RoomVersion) -> Result<(), PduError> {
    if bytes > MAX_PDU_BYTES {
        return Err(PduError::TooLarge { bytes });
    }
    let rules = &version.rules().event_format;
    let kind = string(pdu, "type")?.ok_or(PduError::Missing { field: "type" })?;
    string(pdu, "sender")?.ok_or(PduError::Missing { field: "sender" })?;
    let room_id = string(pdu, "room_id")?;
    if room_id.is_none() && (kind != "m.room.create" || rules.require_room_create_room_id) {
        return Err(PduError::Missing { field: "room_id" });
    }
    string(pdu, "state_key")?;
    object(pdu, "content")?;
    references(pdu, "prev_events", MAX_PREV_EVENTS)?;
    let auth_events = references(pdu, "auth_events", MAX_AUTH_EVENTS)?;
    if !rules.allow_room_create_in_auth_events
        && let Some(room_id) = room_id
    {
        refuse_create_event(auth_events, room_id)?;
    }
    integer(pdu, "depth")?;
    integer(pdu, "origin_server_ts")
}

fn string<'a>(pdu: &'a CanonicalJsonObject, field: &'static str) -> Result<Option<&'a str>, PduError> {
    match pdu.get(field) {
        None => Ok(None),
        Some(CanonicalJsonValue::String(text)) if text.chars().nth(MAX_FIELD_BYTES).is_some() => {
            Err(PduError::FieldTooLong { field })
        }
        Some(CanonicalJsonValue::String(text)) => Ok(Some(text)),
        Some(_) => Err(PduError::Invalid { field, reason: "expected a string" }),
    }
}

fn object(pdu: &CanonicalJsonObject, field: &'static str) -> Result<(), PduError> {
    match pdu.get(field) {
        None => Err(PduError::Missing { field }),
        Some(CanonicalJsonValue::Object(_)) => Ok(()),
        Some(_) => Err(PduError::Invalid { field, reason: "expected an object" }),
    }
}

fn integer(pdu: &CanonicalJsonObject, field: &'static str) -> Result<(), PduError> {
    match pdu.get(field) {
        None => Err(PduError::Missing { field }),
        Some(CanonicalJsonValue::Integer(value)) if i64::from(*value) >= 0 => Ok(()),
        Some(_) => Err(PduError::Invalid { field, reason: "expected an integer that is not negative" }),
    }
}

fn references<'a>(
    pdu: &'a CanonicalJsonObject,
    field: &'static str,
    max: usize,
) -> Result<&'a [CanonicalJsonValue], PduError> {
    let Some(CanonicalJsonValue::Array(ids)) = pdu.get(field) else {
        return Err(PduError::Invalid { field, reason: "expected an array" });
    };
    if ids.len() > max {
        return Err(PduError::TooManyReferences { field, max });
    }
    let is_event_id = |id: &CanonicalJsonValue| match id {
        CanonicalJsonValue::String(id) => id.len() <= MAX_FIELD_BYTES && <&EventId>::try_from(&**id).is_ok(),
        _ => false,
    };
    if !ids.iter().all(is_event_id) {
        return Err(PduError::Invalid { field, reason: "expected event ids" });
    }
    Ok(ids)
}

/// From version 12 on the create event is implied by the room id and must not be cited.
///
/// Specification: <https://spec.matrix.org/v1.19/rooms/v12/#event-format>
fn refuse_create_event(auth_events: &[CanonicalJsonValue], room_id: &str) -> Result<(), PduError> {
    let create = room_id.get(1..).unwrap_or_default();
    let cites_create = auth_events
        .iter()
        .any(|id| matches!(id, CanonicalJsonValue::String(id) if id.strip_prefix('$') == Some(create)));
    if cites_create {
        return Err(PduError::Invalid { field: "auth_events", reason: "the create event must not be cited" });
    }
    Ok(())
}
