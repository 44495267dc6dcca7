//! Which events a filter lets through.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#filtering>

use playhouse_rules::pdu::Pdu;
use ruma::{
    RoomId, UserId,
    api::client::filter::{Filter, LazyLoadOptions, RoomEventFilter, UrlFilter},
};
use serde_json::value::RawValue;

/// Events of a timeline where the filter names no limit.
const DEFAULT_LIMIT: usize = 10;
/// The most events of a timeline, whatever the filter says.
const MOST_EVENTS: usize = 200;

/// Whether `text` matches `pattern`, where `*` stands for anything. Linear in both.
pub fn glob(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

fn kind_passes(types: Option<&[String]>, not_types: &[String], kind: &str) -> bool {
    types.is_none_or(|types| types.iter().any(|pattern| glob(pattern, kind)))
        && !not_types.iter().any(|pattern| glob(pattern, kind))
}

/// A filter of room events.
pub trait EventFilter {
    /// Whether an event of this type may pass.
    fn passes_kind(&self, kind: &str) -> bool;
    /// Whether the event passes, but for the limit.
    fn passes(&self, pdu: &Pdu) -> bool;
    /// Whether events of the room may pass.
    fn passes_room(&self, room_id: &RoomId) -> bool;
    /// The most events.
    fn event_limit(&self) -> usize;
    /// Whether member events come only as needed.
    fn is_lazy(&self) -> bool;
}

impl EventFilter for RoomEventFilter {
    fn passes_kind(&self, kind: &str) -> bool {
        kind_passes(self.types.as_deref(), &self.not_types, kind)
    }

    fn passes(&self, pdu: &Pdu) -> bool {
        let sender = pdu.sender();
        self.passes_kind(pdu.kind_str())
            && self.senders.as_ref().is_none_or(|senders| senders.iter().any(|user| user == sender))
            && !self.not_senders.iter().any(|user| user == sender)
            && self
                .url_filter
                .as_ref()
                .is_none_or(|wanted| has_url(pdu) == (*wanted == UrlFilter::EventsWithUrl))
    }

    fn passes_room(&self, room_id: &RoomId) -> bool {
        self.rooms.as_ref().is_none_or(|rooms| rooms.iter().any(|room| room == room_id))
            && !self.not_rooms.iter().any(|room| room == room_id)
    }

    fn event_limit(&self) -> usize {
        self.limit.map_or(DEFAULT_LIMIT, |limit| u64::from(limit) as usize).min(MOST_EVENTS)
    }

    fn is_lazy(&self) -> bool {
        matches!(self.lazy_load_options, LazyLoadOptions::Enabled { .. })
    }
}

fn has_url(pdu: &Pdu) -> bool {
    #[derive(serde::Deserialize)]
    struct Content {
        #[serde(default)]
        url: serde_json::Value,
    }
    pdu.content_as::<Content>().is_ok_and(|content| content.url.is_string())
}

/// Whether account data or another event that is not a room's passes.
pub fn passes_plain(filter: &Filter, kind: &str, sender: Option<&UserId>) -> bool {
    let of =
        |users: &[ruma::OwnedUserId]| sender.is_some_and(|sender| users.iter().any(|user| user == sender));
    kind_passes(filter.types.as_deref(), &filter.not_types, kind)
        && filter.senders.as_ref().is_none_or(|senders| of(senders))
        && !of(&filter.not_senders)
}

/// Prunes a rendered event to the named fields (`content.body`; a backslash keeps a dot).
pub fn prune(event: Box<RawValue>, fields: Option<&[String]>) -> Box<RawValue> {
    let Some(fields) = fields else { return event };
    let Ok(whole) = serde_json::from_str::<serde_json::Value>(event.get()) else { return event };
    let mut pruned = serde_json::Value::Object(serde_json::Map::new());
    for field in fields {
        copy_field(&whole, &mut pruned, &split_path(field));
    }
    serde_json::value::to_raw_value(&pruned).unwrap_or(event)
}

fn split_path(field: &str) -> Vec<String> {
    let mut path = vec![String::new()];
    let mut chars = field.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => path.last_mut().expect("never empty").extend(chars.next()),
            '.' => path.push(String::new()),
            c => path.last_mut().expect("never empty").push(c),
        }
    }
    path
}

fn copy_field(from: &serde_json::Value, into: &mut serde_json::Value, path: &[String]) {
    let [first, rest @ ..] = path else { return };
    let (Some(value), Some(target)) = (from.get(first), into.as_object_mut()) else { return };
    if rest.is_empty() {
        target.insert(first.clone(), value.clone());
    } else if value.is_object() {
        let inner = target.entry(first.clone()).or_insert_with(|| serde_json::json!({}));
        copy_field(value, inner, rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(glob("m.*", "m.room.message"));
        assert!(glob("*", ""));
        assert!(glob("m.room.*e", "m.room.message"));
        assert!(glob("m.room.message", "m.room.message"));
        assert!(!glob("m.room", "m.room.message"));
        assert!(!glob("m.*x", "m.room.message"));
        assert!(!glob("a*a", "a"));
    }

    #[test]
    fn a_hostile_glob_takes_no_longer_than_its_length() {
        let pattern = "*a".repeat(10_000);
        assert!(!glob(&pattern, &"b".repeat(10_000)));
    }

    #[test]
    fn fields_that_are_not_named_are_pruned() {
        let event = serde_json::value::to_raw_value(&serde_json::json!({
            "type": "m.x", "content": {"body": "b", "a.b": 1, "other": 2}
        }))
        .unwrap();

        let fields = ["content.body".to_owned(), "content.a\\.b".to_owned()];
        let pruned = prune(event, Some(&fields));

        let pruned: serde_json::Value = serde_json::from_str(pruned.get()).unwrap();
        assert_eq!(pruned, serde_json::json!({"content": {"body": "b", "a.b": 1}}));
    }
}
