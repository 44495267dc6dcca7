//! The state of a room at one point: a persistent map, so that a copy costs nothing and shares everything.
//!
//! | File | Holds |
//! |---|---|
//! | `power_levels` | who may do what, parsed once per `m.room.power_levels` event |
//! | `views` | what is read for nearly every event, refreshed only when its own event changes |
//! | `server_acl` | which servers may take part |
//! | `servers` | which servers have members |
//! | `members` | memberships, their counts, and whom a room without a name is named after |
//!
//! Specification: <https://spec.matrix.org/v1.19/client-server-api/#room-state>

mod members;
mod power_levels;
mod server_acl;
mod servers;
mod views;

#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use imbl::OrdMap;
use ruma::events::{StateEventType, room::history_visibility::HistoryVisibility};

pub use self::{
    members::MOST_HEROES,
    power_levels::{Level, PowerLevels},
    server_acl::ServerAcl,
    views::{CreateView, JoinRuleView},
};
use self::{
    members::{Earliest, MemberCounts},
    servers::JoinedServers,
    views::Views,
};
use crate::{Pdu, RoomVersion};

/// The events of one type, by state key.
type OfKind = OrdMap<Arc<str>, Pdu>;

/// The state of a room. Cloning is O(1); changing a clone leaves the others as they are.
#[derive(Clone)]
pub struct RoomState {
    version: &'static RoomVersion,
    kinds: OrdMap<Arc<str>, OfKind>,
    len: usize,
    counts: MemberCounts,
    earliest: Earliest,
    servers: JoinedServers,
    views: Arc<Views>,
}

/// A state event type, as text or as ruma has it.
pub trait StateKind {
    /// Calls `f` with the type as text.
    fn with_text<R>(&self, f: impl FnOnce(&str) -> R) -> R;
}

impl StateKind for str {
    fn with_text<R>(&self, f: impl FnOnce(&str) -> R) -> R {
        f(self)
    }
}

impl StateKind for String {
    fn with_text<R>(&self, f: impl FnOnce(&str) -> R) -> R {
        f(self)
    }
}

impl StateKind for StateEventType {
    fn with_text<R>(&self, f: impl FnOnce(&str) -> R) -> R {
        match self {
            Self::RoomCreate => f("m.room.create"),
            Self::RoomJoinRules => f("m.room.join_rules"),
            Self::RoomMember => f("m.room.member"),
            Self::RoomPowerLevels => f("m.room.power_levels"),
            other => f(&other.to_string()),
        }
    }
}

impl RoomState {
    /// The empty state of a room of this version.
    pub fn new(version: &'static RoomVersion) -> Self {
        Self {
            version,
            kinds: OrdMap::new(),
            len: 0,
            counts: MemberCounts::default(),
            earliest: Earliest::default(),
            servers: JoinedServers::default(),
            views: Arc::new(Views::new(version)),
        }
    }

    /// The room's version.
    pub fn version(&self) -> &'static RoomVersion {
        self.version
    }

    /// The event of this type and state key.
    pub fn get<K: StateKind + ?Sized>(&self, kind: &K, state_key: &str) -> Option<&Pdu> {
        kind.with_text(|kind| self.kinds.get(kind)?.get(state_key))
    }

    /// Sets the event of its type and state key; returns the one that stood there.
    ///
    /// An event that is no state event changes nothing.
    pub fn insert(&mut self, pdu: Pdu) -> Option<Pdu> {
        let state_key = Arc::clone(pdu.shared_state_key()?);
        // Taken out, so that a map that nobody shares is changed in place.
        let (kind, mut of_kind) = self
            .kinds
            .remove_with_key(pdu.kind_str())
            .unwrap_or_else(|| (Arc::from(pdu.kind_str()), OrdMap::new()));
        // Removed first, so that the key's text is the new event's and the old event can be freed.
        let old = of_kind.remove(&state_key);
        self.len += usize::from(old.is_none());
        self.refresh(old.as_ref(), Some(&pdu));
        of_kind.insert(state_key, pdu);
        self.kinds.insert(kind, of_kind);
        old
    }

    /// Removes and returns the event of this type and state key.
    pub fn remove<K: StateKind + ?Sized>(&mut self, kind: &K, state_key: &str) -> Option<Pdu> {
        let old = kind.with_text(|kind| {
            let of_kind = self.kinds.get_mut(kind)?;
            let old = of_kind.remove(state_key)?;
            if of_kind.is_empty() {
                self.kinds.remove(kind);
            }
            Some(old)
        })?;
        self.len -= 1;
        self.refresh(Some(&old), None);
        Some(old)
    }

    /// Every event, ordered by type and state key.
    pub fn iter(&self) -> impl Iterator<Item = &Pdu> {
        self.kinds.values().flat_map(OrdMap::values)
    }

    /// The events of one type, ordered by state key.
    pub fn of_kind<K: StateKind + ?Sized>(
        &self,
        kind: &K,
    ) -> impl Iterator<Item = (&str, &Pdu)> + use<'_, K> {
        let of_kind = kind.with_text(|kind| self.kinds.get(kind));
        of_kind.into_iter().flat_map(OrdMap::iter).map(|(state_key, pdu)| (&**state_key, pdu))
    }

    /// The events of each type.
    pub(crate) fn kinds(&self) -> &OrdMap<Arc<str>, OfKind> {
        &self.kinds
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no event.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The create event, from which all else follows.
    pub fn create(&self) -> Option<&Pdu> {
        self.views.create.as_ref().map(|view| &view.pdu)
    }

    /// What the create event says.
    pub fn create_view(&self) -> Option<&CreateView> {
        self.views.create.as_ref()
    }

    /// Who may do what.
    pub fn power_levels(&self) -> &PowerLevels {
        &self.views.power_levels
    }

    /// Who may join.
    pub fn join_rule(&self) -> &JoinRuleView {
        &self.views.join_rule
    }

    /// Which servers may take part.
    pub fn server_acl(&self) -> &ServerAcl {
        &self.views.server_acl
    }

    /// Who may see which part of the history: `shared` unless the room says otherwise.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility>
    pub fn history_visibility(&self) -> &HistoryVisibility {
        &self.views.history_visibility
    }

    /// Whether messages are to be encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.views.encrypted
    }

    /// The room's name, unless it is empty.
    pub fn name(&self) -> Option<&str> {
        self.views.name.as_deref()
    }

    /// The room's topic, unless it is empty.
    pub fn topic(&self) -> Option<&str> {
        self.views.topic.as_deref()
    }

    /// The room's avatar, an `mxc://` URI, unless it is empty.
    pub fn avatar(&self) -> Option<&str> {
        self.views.avatar.as_deref()
    }

    /// The room's main alias, unless it is empty.
    pub fn canonical_alias(&self) -> Option<&str> {
        self.views.canonical_alias.as_deref()
    }

    /// Memory that the map itself takes, about, without its events.
    pub fn estimated_bytes(&self) -> usize {
        const BYTES_PER_ENTRY: usize = 48;
        size_of::<Self>() + self.len * BYTES_PER_ENTRY
    }

    /// **Invariant**: the views and counts say what the map says.
    fn refresh(&mut self, old: Option<&Pdu>, new: Option<&Pdu>) {
        let Some(changed) = new.or(old) else { return };
        match changed.kind_str() {
            members::KIND => {
                self.counts.change(old, new);
                self.earliest.change(old, new);
                self.servers.change(old, new);
            }
            kind if changed.state_key() == Some("") && Views::covers(kind) => {
                Arc::make_mut(&mut self.views).refresh(self.version, kind, new);
            }
            _ => {}
        }
    }
}

impl Extend<Pdu> for RoomState {
    fn extend<I: IntoIterator<Item = Pdu>>(&mut self, pdus: I) {
        for pdu in pdus {
            self.insert(pdu);
        }
    }
}

/// Two states are equal if they hold the same events.
impl PartialEq for RoomState {
    fn eq(&self, other: &Self) -> bool {
        self.version == other.version && self.len == other.len && self.kinds == other.kinds
    }
}

impl Eq for RoomState {}

impl fmt::Debug for RoomState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomState")
            .field("version", self.version.id())
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
