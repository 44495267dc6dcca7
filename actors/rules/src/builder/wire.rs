//! The texts that are hashed, signed and sent. Each is the canonical JSON of a subset of the same fields, so they are
//! written directly, in the order of the keys, and nothing is encoded twice.

use std::fmt::Write;

use ruma::{EventId, OwnedEventId};

use super::{EventFrame, EventSigner};
use crate::text::push_text;

/// The greatest integer of canonical JSON.
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// The depth as it is written.
pub(super) fn capped_depth(depth: u64) -> u64 {
    depth.min(MAX_INTEGER)
}

/// The fields besides content, hash and signature.
pub(super) struct WireFields<'a> {
    pub(super) frame: &'a EventFrame<'a>,
    pub(super) kind: &'a str,
    pub(super) state_key: Option<&'a str>,
    /// The top-level `redacts` of room versions before 11.
    pub(super) redacts: Option<&'a EventId>,
}

/// An event's fields, encoded: the pieces between content, hash, `redacts` and signature.
pub(super) struct Wire {
    /// `{"auth_events":[…],"content":`
    head: String,
    /// `,"depth":…`
    depth: String,
    /// `,"origin_server_ts":…,"prev_events":[…]`
    middle: String,
    /// `,"redacts":"…"` or nothing: redaction drops it.
    redacts: String,
    /// `,"room_id":"…","sender":"…"`
    place: String,
    /// `,"state_key":"…","type":"…"`
    tail: String,
}

impl Wire {
    pub(super) fn new(fields: &WireFields<'_>) -> Self {
        let frame = fields.frame;
        let mut head = String::with_capacity(32 + 48 * frame.auth_events.len());
        head.push_str("{\"auth_events\":");
        push_ids(&mut head, frame.auth_events);
        head.push_str(",\"content\":");
        let mut middle = String::with_capacity(64 + 48 * frame.prev_events.len());
        let _ = write!(middle, ",\"origin_server_ts\":{},\"prev_events\":", frame.origin_server_ts.get());
        push_ids(&mut middle, frame.prev_events);
        let mut place = String::with_capacity(128);
        push_member(&mut place, "room_id", frame.room_id.map(ruma::RoomId::as_str));
        push_member(&mut place, "sender", Some(frame.sender.as_str()));
        let mut tail = String::with_capacity(64);
        push_member(&mut tail, "state_key", fields.state_key);
        push_member(&mut tail, "type", Some(fields.kind));
        let mut redacts = String::new();
        push_member(&mut redacts, "redacts", fields.redacts.map(EventId::as_str));
        Self {
            head,
            depth: format!(",\"depth\":{}", capped_depth(frame.depth)),
            middle,
            redacts,
            place,
            tail,
        }
    }

    /// The bytes that the content hash covers: everything but hashes and signatures.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/server-server-api/#calculating-the-content-hash-for-an-event>
    pub(super) fn for_content_hash(&self, content: &str) -> String {
        self.join(&[content, &self.depth, &self.middle, &self.redacts, &self.place, &self.tail, "}"])
    }

    /// The redacted event without signatures: what is signed, and what the id is the hash of.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/server-server-api/#calculating-the-reference-hash-for-an-event>
    pub(super) fn redacted(&self, content: &str, hash: &str) -> String {
        self.join(&[
            content,
            &self.depth,
            ",\"hashes\":{\"sha256\":\"",
            hash,
            "\"}",
            &self.middle,
            &self.place,
            &self.tail,
            "}",
        ])
    }

    /// The whole event.
    pub(super) fn signed(
        &self,
        content: &str,
        hash: &str,
        signer: &dyn EventSigner,
        signature: &str,
    ) -> String {
        let mut signatures = String::with_capacity(160);
        signatures.push_str(",\"signatures\":{");
        push_text(&mut signatures, signer.server_name().as_str());
        signatures.push_str(":{");
        push_text(&mut signatures, signer.key_id());
        signatures.push(':');
        push_text(&mut signatures, signature);
        signatures.push_str("}}");
        self.join(&[
            content,
            &self.depth,
            ",\"hashes\":{\"sha256\":\"",
            hash,
            "\"}",
            &self.middle,
            &self.redacts,
            &self.place,
            &signatures,
            &self.tail,
            "}",
        ])
    }

    fn join(&self, parts: &[&str]) -> String {
        let mut out =
            String::with_capacity(self.head.len() + parts.iter().map(|part| part.len()).sum::<usize>());
        out.push_str(&self.head);
        for part in parts {
            out.push_str(part);
        }
        out
    }
}

fn push_ids(out: &mut String, ids: &[OwnedEventId]) {
    out.push('[');
    for (index, id) in ids.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_text(out, id.as_str());
    }
    out.push(']');
}

fn push_member(out: &mut String, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        out.push(',');
        push_text(out, key);
        out.push(':');
        push_text(out, value);
    }
}
