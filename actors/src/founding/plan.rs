//! The first events of a room, in the order that the specification gives.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom>

use std::collections::{BTreeMap, BTreeSet};

use playhouse_rules::room_version::RoomVersion;
use playhouse_storage::tables::room_log::BUCKET_ROWS;
use ruma::{OwnedUserId, RoomAliasId, UserId, room_version_rules::AuthorizationRules};
use serde::Serialize;
use serde_json::{
    Map, Value, json,
    value::{RawValue, to_raw_value},
};

use super::{
    FoundingError, InitialState, NewRoom, create_content::create_content, power_levels::power_levels,
};
use crate::{
    aliases::{AliasError, canonical},
    room::{RoomError, message::SendEvent},
};

/// What member events say of each user.
pub(super) type Profiles = BTreeMap<OwnedUserId, Map<String, Value>>;

/// Who founds a room, and with what.
pub(super) struct Founder<'a> {
    /// Who asks.
    pub(super) creator: &'a UserId,
    /// The version of the room.
    pub(super) version: &'static RoomVersion,
    /// Its main alias, which will lead to it.
    pub(super) alias: Option<&'a RoomAliasId>,
    /// The profiles of the creator and of those invited.
    pub(super) profiles: Profiles,
}

impl Founder<'_> {
    pub(super) fn rules(&self) -> &AuthorizationRules {
        &self.version.rules().authorization
    }
}

/// The first events.
#[derive(Debug)]
pub(super) struct Plan {
    /// The content of the create event.
    pub(super) create: Box<RawValue>,
    /// What follows, sent by the creator.
    pub(super) events: Vec<SendEvent>,
}

/// Plans the first events.
///
/// # Errors
/// [`FoundingError::Malformed`], [`FoundingError::Alias`]; [`RoomError::TooLarge`] for more events than fit into one
/// append.
pub(super) fn plan(founder: &Founder<'_>, new: &NewRoom) -> Result<Plan, FoundingError> {
    check_initial_state(founder, &new.initial_state)?;
    let create = raw(&create_content(founder, new)?)?;
    let mut events = Events { creator: founder.creator, events: Vec::new() };
    events.member(founder, founder.creator, "join", false)?;
    match new.initial_state.iter().find(|state| state.is("m.room.power_levels")) {
        Some(levels) => events.state("m.room.power_levels", "", levels.content.clone()),
        None => events.say("m.room.power_levels", &power_levels(founder, new)?)?,
    }
    add_alias(&mut events, founder, new)?;
    add_preset(&mut events, new)?;
    for state in new.initial_state.iter().filter(|state| !is_replaced(new, state)) {
        events.state(&state.kind, &state.state_key, state.content.clone());
    }
    if let Some(name) = &new.name {
        events.say("m.room.name", &json!({ "name": name }))?;
    }
    if let Some(topic) = &new.topic {
        let text = json!([{ "body": topic, "mimetype": "text/plain" }]);
        events.say("m.room.topic", &json!({ "topic": topic, "m.topic": { "m.text": text } }))?;
    }
    let here = founder.creator.server_name();
    let invited: BTreeSet<&OwnedUserId> =
        new.invite.iter().filter(|user| user.server_name() == here).collect();
    for user in invited {
        events.member(founder, user, "invite", new.is_direct)?;
    }
    // One append lies in one bucket of the log, or it is not all or none.
    if events.events.len() as i64 + 1 > BUCKET_ROWS {
        return Err(RoomError::TooLarge(format!("a room starts with at most {BUCKET_ROWS} events")).into());
    }
    Ok(Plan { create, events: events.events })
}

/// > This overwrites any `m.room.name` event in `initial_state`.
///
/// The power levels stand at their own place already.
fn is_replaced(new: &NewRoom, state: &InitialState) -> bool {
    state.is("m.room.power_levels")
        || (state.is("m.room.name") && new.name.is_some())
        || (state.is("m.room.topic") && new.topic.is_some())
}

/// Refuses what `initial_state` cannot be used for: invites, which have a list of their own, a second create event, and
/// aliases that cannot lead to a room which does not exist yet.
fn check_initial_state(founder: &Founder<'_>, states: &[InitialState]) -> Result<(), FoundingError> {
    for state in states {
        if state.kind == "m.room.member" && state.state_key != founder.creator.as_str() {
            return Err(FoundingError::Malformed("initial_state must not hold members; use invite".into()));
        }
        if state.kind == "m.room.create" {
            return Err(FoundingError::Malformed(
                "initial_state must not hold the create event; use creation_content".into(),
            ));
        }
        if state.is("m.room.canonical_alias") {
            let mut named = canonical::newly_named(None, &state.content)?.into_iter();
            if let Some(alias) = named.find(|alias| founder.alias != Some(alias)) {
                return Err(AliasError::LeadsElsewhere { alias }.into());
            }
        }
    }
    Ok(())
}

fn add_alias(events: &mut Events<'_>, founder: &Founder<'_>, new: &NewRoom) -> Result<(), FoundingError> {
    let given = new.initial_state.iter().any(|state| state.is("m.room.canonical_alias"));
    match founder.alias.filter(|_| !given) {
        Some(alias) => events.say("m.room.canonical_alias", &json!({ "alias": alias })),
        None => Ok(()),
    }
}

/// > Takes precedence over events set by `preset`.
fn add_preset(events: &mut Events<'_>, new: &NewRoom) -> Result<(), FoundingError> {
    for (kind, key, value) in [
        ("m.room.join_rules", "join_rule", Some(new.preset.join_rule())),
        ("m.room.history_visibility", "history_visibility", Some("shared")),
        ("m.room.guest_access", "guest_access", new.preset.guest_access()),
    ] {
        if let Some(value) = value
            && !new.initial_state.iter().any(|state| state.is(kind))
        {
            events.say(kind, &json!({ key: value }))?;
        }
    }
    Ok(())
}

/// The events so far.
struct Events<'a> {
    creator: &'a UserId,
    events: Vec<SendEvent>,
}

impl Events<'_> {
    fn say(&mut self, kind: &str, content: &impl Serialize) -> Result<(), FoundingError> {
        let content = raw(content)?;
        self.state(kind, "", content);
        Ok(())
    }

    fn member(
        &mut self,
        founder: &Founder<'_>,
        user: &UserId,
        membership: &str,
        is_direct: bool,
    ) -> Result<(), FoundingError> {
        let mut content = founder.profiles.get(user).cloned().unwrap_or_default();
        content.insert("membership".into(), membership.into());
        if is_direct {
            content.insert("is_direct".into(), true.into());
        }
        let content = raw(&content)?;
        self.state("m.room.member", user.as_str(), content);
        Ok(())
    }

    fn state(&mut self, kind: &str, state_key: &str, content: Box<RawValue>) {
        self.events.push(SendEvent {
            sender: self.creator.to_owned(),
            kind: kind.into(),
            state_key: Some(state_key.to_owned()),
            content,
            redacts: None,
            transaction: None,
        });
    }
}

fn raw(content: &impl Serialize) -> Result<Box<RawValue>, FoundingError> {
    to_raw_value(content).map_err(|error| FoundingError::Malformed(error.to_string()))
}
