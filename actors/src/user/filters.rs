//! Filters: what of a sync a client wants.
//!
//! A filter's id is a hash of what was uploaded, so that the same filter again is the same row and a filter that was
//! read once never changes.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#filtering>

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use playhouse_storage::{
    store::put,
    tables::{Filter, filter::FilterRow},
};
use quick_cache::{Weighter, sync::Cache};
use ruma::{
    OwnedUserId, UserId,
    api::client::filter::{EventFormat, FilterDefinition, RoomEventFilter},
};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::{UserError, UserHandle, Users, actor::UserActorState, message::UserRequest};

/// The most bytes of one filter.
pub const MOST_FILTER_BYTES: usize = 32_768;
/// The most filters that a user may upload.
const MOST_FILTERS: usize = 200;
/// The most entries of any list in a filter: each event is held against all of them.
const MOST_ENTRIES: usize = 1_000;
/// The most fields that a filter may keep of events.
const MOST_EVENT_FIELDS: usize = 100;
/// Bytes of filters that are kept parsed.
const CACHED_BYTES: u64 = 4 << 20;

/// Filters that were used lately.
pub type FilterCache = Cache<(OwnedUserId, String), Arc<FilterDefinition>, ByLength>;

/// Weighs a filter in the cache.
#[derive(Debug, Clone)]
pub struct ByLength;

impl Weighter<(OwnedUserId, String), Arc<FilterDefinition>> for ByLength {
    fn weight(&self, _: &(OwnedUserId, String), filter: &Arc<FilterDefinition>) -> u64 {
        // What a filter holds beyond its lists is small; an entry takes about as much as it is long.
        const ENTRY_BYTES: usize = 60;
        (1_000 + ENTRY_BYTES * lists(filter).iter().sum::<usize>()) as u64
    }
}

/// An empty cache of filters.
pub fn cache() -> FilterCache {
    const EXPECTED_BYTES: u64 = 1_000;
    Cache::with_weighter((CACHED_BYTES / EXPECTED_BYTES) as usize, CACHED_BYTES, ByLength)
}

/// Reads a filter. Unknown keys are allowed, as clients are ahead of servers.
///
/// # Errors
/// [`UserError::Malformed`] for what is no filter, [`UserError::TooLarge`] or [`UserError::Invalid`] beyond the bounds.
pub fn parse(json: &str) -> Result<FilterDefinition, UserError> {
    if json.len() > MOST_FILTER_BYTES {
        return Err(UserError::TooLarge(format!("a filter may hold {MOST_FILTER_BYTES} bytes")));
    }
    let filter: FilterDefinition =
        serde_json::from_str(json).map_err(|error| UserError::Malformed(format!("not a filter: {error}")))?;
    if !matches!(filter.event_format, EventFormat::Client | EventFormat::Federation) {
        return Err(UserError::Invalid("event_format is client or federation".into()));
    }
    if filter.event_fields.as_ref().is_some_and(|fields| fields.len() > MOST_EVENT_FIELDS) {
        return Err(UserError::Invalid(format!("a filter may name {MOST_EVENT_FIELDS} event_fields")));
    }
    if lists(&filter).into_iter().any(|len| len > MOST_ENTRIES) {
        return Err(UserError::Invalid(format!("a list in a filter may hold {MOST_ENTRIES} entries")));
    }
    Ok(filter)
}

/// The lengths of a filter's lists.
fn lists(filter: &FilterDefinition) -> Vec<usize> {
    fn of<T>(list: Option<&Vec<T>>) -> usize {
        list.map_or(0, Vec::len)
    }
    let room = &filter.room;
    let mut lens = vec![of(room.rooms.as_ref()), room.not_rooms.len(), of(filter.event_fields.as_ref())];
    for plain in [&filter.account_data, &filter.presence] {
        lens.extend([of(plain.types.as_ref()), plain.not_types.len()]);
        lens.extend([of(plain.senders.as_ref()), plain.not_senders.len()]);
    }
    for part in [&room.timeline, &room.state, &room.ephemeral, &room.account_data] {
        let RoomEventFilter { types, not_types, senders, not_senders, rooms, not_rooms, .. } = part;
        lens.extend([of(types.as_ref()), not_types.len(), of(senders.as_ref()), not_senders.len()]);
        lens.extend([of(rooms.as_ref()), not_rooms.len()]);
    }
    lens
}

/// The id of a filter with this content. Never begins with a brace, which tells ids from filters.
fn id_of(json: &str) -> String {
    const ID_BYTES: usize = 12;
    format!("f{}", URL_SAFE_NO_PAD.encode(&Sha256::digest(json)[..ID_BYTES]))
}

impl UserHandle {
    /// Keeps a filter and answers its id; durable on return.
    ///
    /// # Errors
    /// As [`parse`], [`UserError::Full`] beyond 200 filters, [`UserError::Unavailable`].
    pub async fn add_filter(&self, filter: Box<RawValue>) -> Result<String, UserError> {
        parse(filter.get())?;
        let id = id_of(filter.get());
        let added = id.clone();
        self.ask(|reply| UserRequest::AddFilter { id, filter, reply }).await?;
        Ok(added)
    }
}

impl UserActorState {
    /// Keeps a filter under its id.
    ///
    /// # Errors
    /// [`UserError::Full`], [`UserError::Unavailable`].
    pub(super) async fn add_filter(&mut self, id: String, filter: Box<RawValue>) -> Result<(), UserError> {
        let user = self.user.clone();
        let present = self.context.store.all::<Filter>((user.as_str(),), ()).await?;
        if present.iter().any(|((known,), _)| *known == id) {
            return Ok(());
        }
        if present.len() >= MOST_FILTERS {
            return Err(UserError::Full(format!("you may keep {MOST_FILTERS} filters")));
        }
        let stamp = self.begin();
        self.write(vec![put::<Filter>((user.as_str(),), (&id,), &FilterRow { filter }, stamp)]).await
    }
}

impl Users {
    /// A filter as it was uploaded.
    ///
    /// # Errors
    /// [`UserError::Unavailable`].
    pub async fn raw_filter(&self, user: &UserId, id: &str) -> Result<Option<Box<RawValue>>, UserError> {
        let row = self.context().store.get::<Filter>((user.as_str(),), (id,)).await?;
        Ok(row.map(|row: FilterRow| row.filter))
    }

    /// A filter that the user uploaded before.
    ///
    /// # Errors
    /// [`UserError::Unavailable`]; [`UserError::Corrupt`] if what is stored is no filter.
    pub async fn filter(&self, user: &UserId, id: &str) -> Result<Option<Arc<FilterDefinition>>, UserError> {
        let key = (user.to_owned(), id.to_owned());
        if let Some(known) = self.filters().get(&key) {
            return Ok(Some(known));
        }
        let Some(raw) = self.raw_filter(user, id).await? else { return Ok(None) };
        let filter = parse(raw.get()).map_err(|error| UserError::Corrupt(format!("filter {id}: {error}")))?;
        let filter = Arc::new(filter);
        self.filters().insert(key, Arc::clone(&filter));
        Ok(Some(filter))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_the_specification_allows_is_a_filter() {
        for filter in [
            json!({}),
            json!({"a_key_of_tomorrow": {"x": 1}}),
            json!({"room": {"timeline": {"limit": 0, "types": ["m.*"], "unread_thread_notifications": true}}}),
            json!({"room": {"state": {"lazy_load_members": true, "include_redundant_members": false}}}),
            json!({"event_format": "federation", "event_fields": ["content.body"]}),
        ] {
            assert!(parse(&filter.to_string()).is_ok(), "{filter}");
        }
    }

    #[test]
    fn wrong_types_and_ids_are_refused() {
        let in_timeline = |inner: Value| json!({"room": {"timeline": inner}});
        let mut refused = vec![json!([]), json!("text"), json!({"presence": "text"}), json!({"room": []})];
        for part in ["timeline", "state", "ephemeral", "account_data"] {
            refused.push(json!({"room": {part: "not_an_object"}}));
        }
        for list in ["rooms", "not_rooms", "senders", "not_senders", "types", "not_types"] {
            refused.push(in_timeline(json!({list: "not_a_list"})));
            refused.push(in_timeline(json!({list: [1]})));
        }
        refused.push(in_timeline(json!({"rooms": ["not_a_room_id"]})));
        refused.push(in_timeline(json!({"senders": ["not_a_sender_id"]})));
        refused.push(in_timeline(json!({"limit": -1})));
        refused.push(in_timeline(json!({"limit": "10"})));
        refused.push(in_timeline(json!({"contains_url": "yes"})));
        refused.push(in_timeline(json!({"lazy_load_members": 1})));
        refused.push(json!({"event_format": "pigeon"}));
        refused.push(json!({"event_fields": "content"}));
        for filter in refused {
            assert!(parse(&filter.to_string()).is_err(), "{filter}");
        }
    }

    #[test]
    fn a_filter_is_bounded_in_bytes_entries_and_fields() {
        let long = json!({"x": "a".repeat(MOST_FILTER_BYTES)}).to_string();
        let many = json!({"room": {"timeline": {"types": vec!["a"; MOST_ENTRIES + 1]}}}).to_string();
        let fields = json!({"event_fields": vec!["a"; MOST_EVENT_FIELDS + 1]}).to_string();

        assert!(matches!(parse(&long), Err(UserError::TooLarge(_))));
        assert!(matches!(parse(&many), Err(UserError::Invalid(_))));
        assert!(matches!(parse(&fields), Err(UserError::Invalid(_))));
        assert!(parse(&"[".repeat(30_000)).is_err());
    }

    /// JSON that is nearly a filter: its keys with values of every type.
    fn nearly_a_filter() -> impl Strategy<Value = Value> {
        const KEYS: [&str; 14] = [
            "room",
            "timeline",
            "state",
            "ephemeral",
            "account_data",
            "presence",
            "types",
            "not_types",
            "senders",
            "not_rooms",
            "limit",
            "contains_url",
            "lazy_load_members",
            "event_fields",
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            prop::sample::select(vec!["m.*", "!r:a", "@u:a", "", "*"]).prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 60, 6, |inner| {
            let key = prop::sample::select(KEYS.to_vec()).prop_map(str::to_owned);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(key, inner, 0..6).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_that_is_sent_as_a_filter_panics_it(filter in nearly_a_filter(), text in ".{0,200}") {
            let _ = parse(&text);
            if let Ok(parsed) = parse(&filter.to_string()) {
                prop_assert!(lists(&parsed).into_iter().all(|len| len <= MOST_ENTRIES));
            }
        }
    }

    #[test]
    fn the_same_filter_has_the_same_id_and_no_other_has_it() {
        assert_eq!(id_of("{}"), id_of("{}"));
        assert_ne!(id_of("{}"), id_of("{ }"));
        assert!(!id_of("{}").starts_with('{'));
    }
}
