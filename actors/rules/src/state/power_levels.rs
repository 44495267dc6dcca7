//! Who may do what in a room: `m.room.power_levels`, parsed once per event.
//!
//! ruma parses the content again for each event that it checks: 100 µs in a room with 200 entries, more than a
//! signature. Here it is parsed when it changes.
//!
//! Specification: <https://spec.matrix.org/v1.19/client-server-api/#mroompower_levels>

use std::collections::{BTreeMap, BTreeSet};

use ruma::{
    Int, OwnedUserId, UserId, int,
    room_version_rules::AuthorizationRules,
    serde::{btreemap_deserialize_v1_powerlevel_values, deserialize_v1_powerlevel},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::CreateView;
use crate::Pdu;

/// A power level. The creators of a room of version 12 stand above every number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// A number.
    Finite(i64),
    /// More than any number.
    Infinite,
}

/// The level of a room's creator in a room without `m.room.power_levels`.
const DEFAULT_CREATOR_LEVEL: i64 = 100;
/// The level that `@room` needs where the room does not say.
const DEFAULT_NOTIFICATION_LEVEL: i64 = 50;

/// The power levels of a room, with the defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowerLevels {
    users: BTreeMap<OwnedUserId, i64>,
    events: BTreeMap<String, i64>,
    notifications: BTreeMap<String, i64>,
    users_default: i64,
    events_default: i64,
    state_default: i64,
    ban: i64,
    kick: i64,
    invite: i64,
    redact: i64,
    /// Those who stand above every number.
    creators: BTreeSet<OwnedUserId>,
    /// Whether a part of the content is not what it should be: the room's rules then decide field by field.
    malformed: bool,
}

impl PowerLevels {
    /// The levels in a room with this create event and these power levels.
    pub(super) fn new(rules: &AuthorizationRules, create: Option<&CreateView>, event: Option<&Pdu>) -> Self {
        let creators = create.map(|create| create.creators.clone()).unwrap_or_default();
        let mut levels = Self::silent();
        levels.malformed = create.is_some_and(|create| create.malformed);
        match event {
            Some(event) => levels.read_event(event, rules),
            None => levels.users.extend(creators.iter().cloned().map(|user| (user, DEFAULT_CREATOR_LEVEL))),
        }
        if rules.explicitly_privilege_room_creators {
            levels.creators = creators;
        }
        levels
    }

    /// The levels where the event says nothing.
    fn silent() -> Self {
        Self {
            users: BTreeMap::new(),
            events: BTreeMap::new(),
            notifications: BTreeMap::new(),
            users_default: 0,
            events_default: 0,
            state_default: 50,
            ban: 50,
            kick: 50,
            invite: 0,
            redact: 50,
            creators: BTreeSet::new(),
            malformed: false,
        }
    }

    /// The first field of such content that is not what these rules take: they refuse it whoever sends it.
    pub fn malformed_field(content: Map<String, Value>, rules: &AuthorizationRules) -> Option<&'static str> {
        Self::silent().read(content, rules)
    }

    fn read_event(&mut self, event: &Pdu, rules: &AuthorizationRules) {
        self.malformed |= match event.content_as() {
            Ok(content) => self.read(content, rules).is_some(),
            Err(_) => true,
        };
    }

    /// Takes the levels of the content; answers the first field that cannot be read.
    fn read(&mut self, content: Map<String, Value>, rules: &AuthorizationRules) -> Option<&'static str> {
        let mut reader = Reader { content, integers_only: rules.integer_power_levels, malformed: None };
        reader.map("users", &mut self.users);
        reader.map("events", &mut self.events);
        reader.map("notifications", &mut self.notifications);
        for (field, level) in [
            ("users_default", &mut self.users_default),
            ("events_default", &mut self.events_default),
            ("state_default", &mut self.state_default),
            ("ban", &mut self.ban),
            ("kick", &mut self.kick),
            ("invite", &mut self.invite),
            ("redact", &mut self.redact),
        ] {
            reader.integer(field, level);
        }
        reader.malformed
    }

    /// The level of this user.
    pub fn user_level(&self, user: &UserId) -> Level {
        if self.creators.contains(user) {
            return Level::Infinite;
        }
        Level::Finite(self.users.get(user).copied().unwrap_or(self.users_default))
    }

    /// The level that an event of this type needs.
    pub fn required_for_event(&self, kind: &str, is_state: bool) -> Level {
        let default = if is_state { self.state_default } else { self.events_default };
        Level::Finite(self.events.get(kind).copied().unwrap_or(default))
    }

    /// The level that an invite needs.
    pub fn invite(&self) -> Level {
        Level::Finite(self.invite)
    }

    /// The level that a kick needs, besides being above the kicked user.
    pub fn kick(&self) -> Level {
        Level::Finite(self.kick)
    }

    /// The level that a ban needs, besides being above the banned user.
    pub fn ban(&self) -> Level {
        Level::Finite(self.ban)
    }

    /// The level that redacting somebody else's event needs.
    pub fn redact(&self) -> Level {
        Level::Finite(self.redact)
    }

    /// The level of users who are not named.
    pub fn users_default(&self) -> Level {
        Level::Finite(self.users_default)
    }

    /// The level that a notification of this kind (`room`) needs, `None` if nobody says.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/client-server-api/#mroompower_levels>
    pub fn notification(&self, key: &str) -> Option<Level> {
        let default = (key == "room").then_some(DEFAULT_NOTIFICATION_LEVEL);
        self.notifications.get(key).copied().or(default).map(Level::Finite)
    }

    /// The users who are named, with their levels; creators of a version 12 room are not among them.
    pub fn users(&self) -> impl Iterator<Item = (&UserId, i64)> {
        self.users.iter().map(|(user, level)| (&**user, *level))
    }

    /// The users who stand above every number.
    pub fn creators(&self) -> impl Iterator<Item = &UserId> {
        self.creators.iter().map(|user| &**user)
    }

    /// Whether a part of the content could not be read: what is said here is then only a guess, and the authorization
    /// rules must be asked field by field.
    pub fn is_malformed(&self) -> bool {
        self.malformed
    }
}

/// Reads fields as the authorization rules of a room version do: up to version 9 a string may stand for an integer.
struct Reader {
    content: Map<String, Value>,
    integers_only: bool,
    /// The first field that could not be read.
    malformed: Option<&'static str>,
}

impl Reader {
    fn integer(&mut self, field: &'static str, level: &mut i64) {
        let Some(value) = self.content.remove(field) else { return };
        let read = if self.integers_only {
            serde_json::from_value::<Int>(value).ok()
        } else {
            deserialize_v1_powerlevel(value).ok()
        };
        match read {
            Some(value) => *level = value.into(),
            None => self.malformed = self.malformed.or(Some(field)),
        }
    }

    fn map<K: Ord + DeserializeOwned>(&mut self, field: &'static str, levels: &mut BTreeMap<K, i64>) {
        let Some(value) = self.content.remove(field) else { return };
        let read: Option<BTreeMap<K, Int>> = if self.integers_only {
            serde_json::from_value(value).ok()
        } else {
            btreemap_deserialize_v1_powerlevel_values(value).ok()
        };
        match read {
            Some(read) => *levels = read.into_iter().map(|(key, level)| (key, level.into())).collect(),
            None => self.malformed = self.malformed.or(Some(field)),
        }
    }
}

impl From<Level> for i64 {
    /// For JSON, which has no infinity: the greatest integer of canonical JSON.
    fn from(level: Level) -> Self {
        match level {
            Level::Finite(level) => level,
            Level::Infinite => Int::MAX.into(),
        }
    }
}

impl Default for Level {
    fn default() -> Self {
        Self::Finite(int!(0).into())
    }
}
