//! What rules ask about an event, worked out once per event, at the first question, and shared by all rule sets.

use std::{borrow::Cow, sync::OnceLock};

use serde_json::Value;

use super::path::Path;
use crate::Pdu;

/// An event as push rules see it. `Sync`: one may be shared by everyone who evaluates it.
#[derive(Debug)]
pub struct EventFacts {
    pdu: Pdu,
    content: OnceLock<Value>,
    kind: OnceLock<Box<str>>,
    body: OnceLock<Option<Box<str>>>,
}

/// The value of a property.
pub(super) enum Property<'a> {
    /// A text outside the content.
    Text(&'a str),
    /// A number outside the content.
    Number(i64),
    /// A value of the content.
    Value(&'a Value),
}

impl EventFacts {
    /// The facts of this event. Nothing is worked out yet.
    pub fn new(pdu: Pdu) -> Self {
        Self { pdu, content: OnceLock::new(), kind: OnceLock::new(), body: OnceLock::new() }
    }

    /// The event.
    pub fn pdu(&self) -> &Pdu {
        &self.pdu
    }

    /// The root of the thread that the event names as its own: the id in an `m.thread` relation.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/client-server-api/#mthread-relation-type>
    pub fn thread_root(&self) -> Option<&str> {
        let relation = self.content().get("m.relates_to")?;
        let is_thread = relation.get("rel_type")?.as_str()? == "m.thread";
        relation.get("event_id")?.as_str().filter(|_| is_thread)
    }

    /// The property at this path, unless it is absent.
    pub(super) fn property<'a>(&'a self, path: &Path) -> Option<Property<'a>> {
        Some(match path {
            Path::Kind => Property::Text(self.pdu.kind_str()),
            Path::Sender => Property::Text(self.pdu.sender().as_str()),
            Path::StateKey => Property::Text(self.pdu.state_key()?),
            Path::RoomId => Property::Text(self.pdu.room_id().as_str()),
            Path::EventId => Property::Text(self.pdu.event_id().as_str()),
            Path::OriginServerTs => Property::Number(self.pdu.origin_server_ts().get().into()),
            Path::Body => Property::Value(self.content().get("body")?),
            Path::Content(segments) => {
                let mut names = segments.iter().map(AsRef::as_ref);
                let found = names.try_fold(self.content(), |value, name: &str| value.as_object()?.get(name));
                Property::Value(found?)
            }
            Path::Nowhere => return None,
        })
    }

    /// The text at this path in lower case, unless there is no text.
    pub(super) fn lower_text(&self, path: &Path) -> Option<Cow<'_, str>> {
        match path {
            Path::Kind => {
                Some(Cow::Borrowed(self.kind.get_or_init(|| self.pdu.kind_str().to_lowercase().into())))
            }
            Path::Body => self.lower_body().map(Cow::Borrowed),
            path => match self.property(path)? {
                Property::Text(text) => Some(Cow::Owned(text.to_lowercase())),
                Property::Value(value) => Some(Cow::Owned(value.as_str()?.to_lowercase())),
                Property::Number(_) => None,
            },
        }
    }

    /// The body in lower case, which every keyword is looked for in.
    pub(super) fn lower_body(&self) -> Option<&str> {
        self.body.get_or_init(|| Some(self.content().get("body")?.as_str()?.to_lowercase().into())).as_deref()
    }

    fn content(&self) -> &Value {
        self.content.get_or_init(|| self.pdu.content_as().unwrap_or_default())
    }
}
