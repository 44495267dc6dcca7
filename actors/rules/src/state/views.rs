//! What is read for nearly every event, parsed when its own event changes.

use std::{collections::BTreeSet, sync::Arc};

use ruma::{
    OwnedUserId, events::room::history_visibility::HistoryVisibility, room_version_rules::AuthorizationRules,
    state_res::events::RoomCreateEvent,
};
use serde::Deserialize;
use serde_json::Value;

use super::{PowerLevels, ServerAcl};
use crate::{Pdu, RoomVersion};

/// What the create event says.
#[derive(Debug, Clone)]
pub struct CreateView {
    /// The event.
    pub pdu: Pdu,
    /// Whether other servers may take part.
    pub federate: bool,
    /// The room's creators: one up to version 11, all of them from version 12 on.
    pub creators: BTreeSet<OwnedUserId>,
    /// The room's type: `m.space`.
    pub room_type: Option<Arc<str>>,
    /// Whether a field that the authorization rules read is not what it should be.
    pub(super) malformed: bool,
}

/// Who may join.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JoinRuleView {
    /// The rule as the room has it; `None` if it has none, which is `invite`.
    pub rule: Option<Arc<str>>,
    /// The rooms whose members may join by `restricted` and `knock_restricted`.
    pub allowed_rooms: Arc<[ruma::OwnedRoomId]>,
}

impl JoinRuleView {
    /// The rule: `invite` where the room has none.
    pub fn as_str(&self) -> &str {
        self.rule.as_deref().unwrap_or("invite")
    }

    /// Whether anybody may join.
    pub fn is_public(&self) -> bool {
        self.as_str() == "public"
    }

    /// Whether members of [`Self::allowed_rooms`] may join.
    pub fn is_restricted(&self) -> bool {
        matches!(self.as_str(), "restricted" | "knock_restricted")
    }

    /// Whether anybody may knock.
    pub fn allows_knocking(&self) -> bool {
        matches!(self.as_str(), "knock" | "knock_restricted")
    }
}

/// The parsed parts of a state.
#[derive(Debug, Clone)]
pub(super) struct Views {
    pub(super) create: Option<CreateView>,
    pub(super) power_levels: PowerLevels,
    power_levels_event: Option<Pdu>,
    pub(super) join_rule: JoinRuleView,
    pub(super) history_visibility: HistoryVisibility,
    pub(super) server_acl: ServerAcl,
    pub(super) encrypted: bool,
    pub(super) name: Option<Arc<str>>,
    pub(super) topic: Option<Arc<str>>,
    pub(super) avatar: Option<Arc<str>>,
    pub(super) canonical_alias: Option<Arc<str>>,
}

impl Views {
    pub(super) fn new(version: &RoomVersion) -> Self {
        Self {
            create: None,
            power_levels: PowerLevels::new(&version.rules().authorization, None, None),
            power_levels_event: None,
            join_rule: JoinRuleView::default(),
            history_visibility: HistoryVisibility::Shared,
            server_acl: ServerAcl::default(),
            encrypted: false,
            name: None,
            topic: None,
            avatar: None,
            canonical_alias: None,
        }
    }

    /// Whether a change of this type, with an empty state key, changes a view.
    pub(super) fn covers(kind: &str) -> bool {
        matches!(
            kind,
            "m.room.create"
                | "m.room.power_levels"
                | "m.room.join_rules"
                | "m.room.history_visibility"
                | "m.room.server_acl"
                | "m.room.encryption"
                | "m.room.name"
                | "m.room.topic"
                | "m.room.avatar"
                | "m.room.canonical_alias"
        )
    }

    /// Reads the event that now stands at this type, if any.
    pub(super) fn refresh(&mut self, version: &RoomVersion, kind: &str, event: Option<&Pdu>) {
        let rules = &version.rules().authorization;
        match kind {
            "m.room.create" => {
                self.create = event.map(|pdu| create_view(pdu, rules));
                self.refresh_power_levels(rules);
            }
            "m.room.power_levels" => {
                self.power_levels_event = event.cloned();
                self.refresh_power_levels(rules);
            }
            "m.room.join_rules" => self.join_rule = event.map(join_rule_view).unwrap_or_default(),
            "m.room.history_visibility" => self.history_visibility = visibility_of(event),
            "m.room.server_acl" => self.server_acl = ServerAcl::read(event),
            // Encryption cannot be switched off: whatever the event says, there is one.
            "m.room.encryption" => self.encrypted = event.is_some(),
            "m.room.name" => self.name = text(event, "name"),
            "m.room.topic" => self.topic = text(event, "topic"),
            "m.room.avatar" => self.avatar = text(event, "url"),
            "m.room.canonical_alias" => self.canonical_alias = text(event, "alias"),
            _ => {}
        }
    }

    fn refresh_power_levels(&mut self, rules: &AuthorizationRules) {
        self.power_levels = PowerLevels::new(rules, self.create.as_ref(), self.power_levels_event.as_ref());
    }
}

fn create_view(pdu: &Pdu, rules: &AuthorizationRules) -> CreateView {
    let event = RoomCreateEvent::new(pdu);
    let creators = event.creators(rules);
    let federate = event.federate();
    CreateView {
        malformed: creators.is_err() || federate.is_err(),
        federate: federate.unwrap_or(true),
        creators: creators.unwrap_or_default().into_iter().collect(),
        room_type: text(Some(pdu), "type"),
        pdu: pdu.clone(),
    }
}

fn join_rule_view(pdu: &Pdu) -> JoinRuleView {
    #[derive(Deserialize)]
    struct Content {
        join_rule: Arc<str>,
        #[serde(default)]
        allow: Value,
    }
    #[derive(Deserialize)]
    struct Allow {
        room_id: ruma::OwnedRoomId,
    }
    let Ok(content) = pdu.content_as::<Content>() else { return JoinRuleView::default() };
    let allow = content.allow.as_array().map(Vec::as_slice).unwrap_or_default();
    let allowed_rooms = allow
        .iter()
        .filter(|allow| allow.get("type").and_then(Value::as_str) == Some("m.room_membership"))
        .filter_map(|allow| Allow::deserialize(allow).ok())
        .map(|allow| allow.room_id)
        .collect();
    JoinRuleView { rule: Some(content.join_rule), allowed_rooms }
}

/// Specification: <https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-6>: a missing or unknown value is
/// `shared`.
fn visibility_of(event: Option<&Pdu>) -> HistoryVisibility {
    #[derive(Deserialize)]
    struct Content {
        history_visibility: HistoryVisibility,
    }
    match event.and_then(|pdu| pdu.content_as::<Content>().ok()).map(|content| content.history_visibility) {
        Some(
            known @ (HistoryVisibility::Invited
            | HistoryVisibility::Joined
            | HistoryVisibility::WorldReadable),
        ) => known,
        _ => HistoryVisibility::Shared,
    }
}

/// A text field of the content, unless it is empty.
fn text(event: Option<&Pdu>, field: &str) -> Option<Arc<str>> {
    let content: serde_json::Map<String, Value> = event?.content_as().ok()?;
    content.get(field)?.as_str().filter(|text| !text.is_empty()).map(Arc::from)
}
