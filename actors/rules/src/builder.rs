//! Making an event of our own: canonical JSON once, content hash, signature, id.
//!
//! We sign only what we built (**I14**): every field of the event comes from [`PduBuilder`] and [`EventFrame`], never
//! from somebody else's template.
//!
//! | File | Holds |
//! |---|---|
//! | `content` | the content in canonical JSON, and what redaction leaves of it |
//! | `wire` | the texts that are hashed, signed and sent |
//!
//! Specification: <https://spec.matrix.org/v1.19/server-server-api/#signing-events>

mod content;
mod wire;

#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use base64::{
    Engine,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use ruma::{
    EventId, MilliSecondsSinceUnixEpoch, OwnedEventId, RoomId, ServerName, UserId, events::TimelineEventType,
};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use self::wire::{Wire, WireFields};
use crate::{
    RoomVersion,
    pdu::{
        KindText, MAX_AUTH_EVENTS, MAX_FIELD_BYTES, MAX_PDU_BYTES, MAX_PREV_EVENTS, Pdu, PduInner, facts_of,
        room_of_create,
    },
};

/// The server's signature under its own name. Signing is on the path of every message: it must not wait on anything.
pub trait EventSigner: Send + Sync {
    /// The server that signs.
    fn server_name(&self) -> &ServerName;
    /// The key, with its algorithm: `ed25519:a_AbCd`.
    fn key_id(&self) -> &str;
    /// The ed25519 signature of `message`.
    fn sign(&self, message: &[u8]) -> [u8; 64];
}

/// What a user wants to say.
#[derive(Debug, Clone)]
pub struct PduBuilder {
    /// The event type.
    pub kind: TimelineEventType,
    /// The state key, for a state event.
    pub state_key: Option<String>,
    /// The content, a JSON object.
    pub content: Box<RawValue>,
    /// The target of an `m.room.redaction`. It is put where the room version has it. A client may also name it in the
    /// content, whatever the version.
    pub redacts: Option<OwnedEventId>,
}

/// Where in the room the event goes.
#[derive(Debug, Clone, Copy)]
pub struct EventFrame<'a> {
    /// The version of the room.
    pub version: &'static RoomVersion,
    /// The room; `None` for the create event of a room that is named by it (version 12 on).
    pub room_id: Option<&'a RoomId>,
    /// The sender, a user of the signing server.
    pub sender: &'a UserId,
    /// The forward extremities that it follows, at most 20.
    pub prev_events: &'a [OwnedEventId],
    /// The events that authorize it, at most 10.
    pub auth_events: &'a [OwnedEventId],
    /// One more than the greatest depth of `prev_events`; capped at 2^53-1.
    pub depth: u64,
    /// Now.
    pub origin_server_ts: MilliSecondsSinceUnixEpoch,
}

/// Why an event was not built. All but the last two are the client's fault: answer 400 (`M_TOO_LARGE` for the sizes,
/// `M_BAD_JSON` for the content).
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The event is larger than [`MAX_PDU_BYTES`].
    #[error("The event would be {bytes} bytes; at most {MAX_PDU_BYTES} are allowed.")]
    TooLarge {
        /// Its size in canonical JSON, signatures included.
        bytes: usize,
    },
    /// A field is longer than [`MAX_FIELD_BYTES`] bytes of UTF-8.
    #[error("The event's `{field}` is longer than {MAX_FIELD_BYTES} bytes.")]
    FieldTooLong {
        /// The field.
        field: &'static str,
    },
    /// The content is not an object of canonical JSON: no floats, no integers beyond 2^53-1, no endless nesting.
    #[error("The event's content is not allowed: {reason}.")]
    BadContent {
        /// What is wrong with it.
        reason: String,
    },
    /// The frame cites too many events: a fault of the caller.
    #[error("The event cites too many events in `{field}`.")]
    TooManyReferences {
        /// The field.
        field: &'static str,
    },
    /// The room id is absent where one is needed, or given where the event names the room: a fault of the caller.
    #[error("The event's room id does not fit the room version.")]
    RoomId,
}

impl PduBuilder {
    /// Builds, hashes and signs the event.
    ///
    /// # Errors
    /// See [`BuildError`]: nothing was signed.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/server-server-api/#signing-events>
    pub fn build(mut self, frame: &EventFrame<'_>, signer: &dyn EventSigner) -> Result<Pdu, BuildError> {
        let kind = KindText::new(&self.kind.to_string());
        check_frame(frame, &kind, self.state_key.as_deref())?;
        let in_content = frame.version.redacts_in_content();
        if self.redacts.is_none() && !in_content && &*kind == "m.room.redaction" {
            self.redacts = content::target(&self.content);
        }
        let content = content::canonical(
            frame.version,
            &kind,
            &self.content,
            self.redacts.as_deref().filter(|_| in_content),
        )?;
        let wire = Wire::new(&WireFields {
            frame,
            kind: &kind,
            state_key: self.state_key.as_deref(),
            redacts: self.redacts.as_deref().filter(|_| !in_content),
        });
        let hash = BASE64_STANDARD_NO_PAD.encode(Sha256::digest(wire.for_content_hash(&content.full)));
        // The signature and the id cover the same bytes: the redacted event with its content hash.
        let redacted = wire.redacted(&content.redacted, &hash);
        let event_id = format!("${}", BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(redacted.as_bytes())));
        let signature = BASE64_STANDARD_NO_PAD.encode(signer.sign(redacted.as_bytes()));
        let json = wire.signed(&content.full, &hash, signer, &signature);
        if json.len() > MAX_PDU_BYTES {
            return Err(BuildError::TooLarge { bytes: json.len() });
        }
        self.assemble(frame, kind, event_id, content.full, json)
    }

    /// Puts the parts together, so that what was just written is not parsed again.
    fn assemble(
        self,
        frame: &EventFrame<'_>,
        kind_text: KindText,
        event_id: String,
        content: String,
        json: String,
    ) -> Result<Pdu, BuildError> {
        let bad = |error: serde_json::Error| BuildError::BadContent { reason: error.to_string() };
        let event_id =
            EventId::parse(event_id).map_err(|_| BuildError::FieldTooLong { field: "event_id" })?;
        let room_id = match frame.room_id {
            Some(room_id) => room_id.to_owned(),
            None => room_of_create(&event_id).map_err(|_| BuildError::RoomId)?,
        };
        let content = RawValue::from_string(content).map_err(bad)?;
        let facts = facts_of(frame.version, &kind_text, self.state_key.as_deref(), &content, self.redacts);
        Ok(Pdu::from_inner(PduInner {
            event_id,
            room_id,
            names_room: frame.room_id.is_some(),
            sender: frame.sender.to_owned(),
            kind: self.kind,
            kind_text,
            state_key: self.state_key.map(Arc::from),
            content,
            origin_server_ts: frame.origin_server_ts,
            prev_events: frame.prev_events.into(),
            auth_events: frame.auth_events.into(),
            depth: wire::capped_depth(frame.depth),
            redacts: facts.redacts,
            membership: facts.membership,
            json: RawValue::from_string(json).map_err(bad)?,
            client: OnceLock::new(),
        }))
    }
}

/// Checks everything but the content.
fn check_frame(frame: &EventFrame<'_>, kind: &str, state_key: Option<&str>) -> Result<(), BuildError> {
    let names_itself = kind == "m.room.create" && frame.version.room_id_is_create_hash();
    if frame.room_id.is_none() != names_itself {
        return Err(BuildError::RoomId);
    }
    let fields = [
        ("type", kind),
        ("state_key", state_key.unwrap_or_default()),
        ("sender", frame.sender.as_str()),
        ("room_id", frame.room_id.map_or("", RoomId::as_str)),
    ];
    if let Some((field, _)) = fields.into_iter().find(|(_, text)| text.len() > MAX_FIELD_BYTES) {
        return Err(BuildError::FieldTooLong { field });
    }
    if frame.prev_events.len() > MAX_PREV_EVENTS {
        return Err(BuildError::TooManyReferences { field: "prev_events" });
    }
    if frame.auth_events.len() > MAX_AUTH_EVENTS {
        return Err(BuildError::TooManyReferences { field: "auth_events" });
    }
    Ok(())
}
