//! The forms of an event that others see. They are concatenations: nothing is parsed to render an event.

use std::fmt::Write;

use serde_json::value::RawValue;

use super::{Pdu, PduInner};
use crate::text::push_text;

/// The client form of an event up to its `unsigned`: an open JSON object whose last member is `room_id`.
pub(crate) struct ClientJson {
    /// `{"content":…,"event_id":…,…,"room_id":"…"`
    open: Box<str>,
    /// Where `,"room_id":` begins.
    room_id_at: usize,
}

impl ClientJson {
    fn of(pdu: &PduInner) -> Self {
        let mut open = String::with_capacity(pdu.content.get().len() + 320);
        push_fields(&mut open, pdu);
        let room_id_at = open.len();
        push(&mut open, ",\"room_id\":", &pdu.room_id);
        Self { open: open.into_boxed_str(), room_id_at }
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }
}

/// Opens the client form and writes everything but `room_id` and `unsigned`.
fn push_fields(out: &mut String, pdu: &PduInner) {
    out.push_str("{\"content\":");
    push_content(out, pdu);
    push(out, ",\"event_id\":", &pdu.event_id);
    let _ = write!(out, ",\"origin_server_ts\":{}", pdu.origin_server_ts.get());
    if let Some(redacts) = &pdu.redacts {
        push(out, ",\"redacts\":", redacts);
    }
    push(out, ",\"sender\":", &pdu.sender);
    if let Some(state_key) = &pdu.state_key {
        push(out, ",\"state_key\":", state_key);
    }
    push(out, ",\"type\":", &*pdu.kind_text);
}

/// The content as clients get it: a redaction names its target both at the top level (old clients) and in `content`
/// (new ones), whatever the room version signs.
///
/// Specification: <https://spec.matrix.org/v1.19/client-server-api/#mroomredaction>
fn push_content(out: &mut String, pdu: &PduInner) {
    let content = pdu.content.get();
    let Some(redacts) = &pdu.redacts else {
        out.push_str(content);
        return;
    };
    let already_there = content.contains("\"redacts\":");
    let Some(rest) = content.strip_prefix('{').filter(|_| !already_there) else {
        out.push_str(content);
        return;
    };
    push(out, "{\"redacts\":", redacts);
    if rest.trim_start() != "}" {
        out.push(',');
    }
    out.push_str(rest);
}

/// Appends a member with a string value, escaped.
fn push(out: &mut String, key: &str, value: impl AsRef<str>) {
    out.push_str(key);
    push_text(out, value.as_ref());
}

impl Pdu {
    /// The client form of the event without `unsigned`, as an open JSON object: append `,"unsigned":…` if there is any,
    /// then `}`. Rendered at the first call, shared after.
    pub fn client_json(&self) -> &str {
        &self.client().open
    }

    fn client(&self) -> &ClientJson {
        self.inner.client.get_or_init(|| ClientJson::of(&self.inner))
    }

    /// Appends the client form of the event to `out`. `unsigned` is a JSON object.
    ///
    /// The rendering of a message is kept for the next reader. That of a state event is not: a list of 100,000 members
    /// would leave each of them rendered in memory.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/client-server-api/#room-event-format>
    pub fn write_client_event(&self, out: &mut String, unsigned: Option<&RawValue>, with_room_id: bool) {
        if self.is_state() && self.inner.client.get().is_none() {
            push_fields(out, &self.inner);
            if with_room_id {
                push(out, ",\"room_id\":", self.room_id());
            }
        } else {
            let client = self.client();
            let end = if with_room_id { client.open.len() } else { client.room_id_at };
            out.push_str(&client.open[..end]);
        }
        if let Some(unsigned) = unsigned {
            out.push_str(",\"unsigned\":");
            out.push_str(unsigned.get());
        }
        out.push('}');
    }

    /// The client form of the event. Where many events go into one response, prefer [`Self::write_client_event`], which
    /// does not scan the text again.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/client-server-api/#room-event-format>
    pub fn client_event(&self, unsigned: Option<&RawValue>, with_room_id: bool) -> Box<RawValue> {
        let extra = unsigned.map_or(0, |unsigned| unsigned.get().len() + 12);
        let mut out = String::with_capacity(self.content().get().len() + 320 + extra);
        self.write_client_event(&mut out, unsigned, with_room_id);
        raw(out)
    }

    /// The stripped form of a state event, for people who are not in the room. A create event keeps its
    /// `origin_server_ts`, which tells an old room from a new one.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/client-server-api/#stripped-state>
    pub fn stripped(&self) -> Box<RawValue> {
        let mut out = String::with_capacity(self.content().get().len() + 200);
        out.push_str("{\"content\":");
        out.push_str(self.content().get());
        if self.kind_str() == "m.room.create" {
            let _ = write!(out, ",\"origin_server_ts\":{}", self.origin_server_ts().get());
        }
        push(&mut out, ",\"sender\":", self.sender());
        push(&mut out, ",\"state_key\":", self.state_key().unwrap_or_default());
        push(&mut out, ",\"type\":", self.kind_str());
        out.push('}');
        raw(out)
    }
}

/// Text that we concatenated from valid JSON is valid JSON; should that be wrong, an empty object harms least.
fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).unwrap_or_else(|_| RawValue::from_string("{}".to_owned()).unwrap_or_default())
}
