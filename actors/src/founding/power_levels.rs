//! The first power levels of a room.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#mroompower_levels>

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{FoundingError, NewRoom, create_content, plan::Founder};

/// The level of the creator, and of those who are trusted like the creator.
const CREATOR_LEVEL: i64 = 100;
/// What ends a room needs more than its administrators have, where creators stand above them.
const TOMBSTONE_LEVEL_ABOVE_ADMINS: i64 = 150;
const DEFAULT_STATE_LEVEL: i64 = 50;

/// The defaults, with the client's members on top.
///
/// # Errors
/// [`FoundingError::Malformed`] where the client names a creator whose power has no number, or takes it from one whose
/// power has.
pub(super) fn power_levels(
    founder: &Founder<'_>,
    new: &NewRoom,
) -> Result<Map<String, Value>, FoundingError> {
    let boundless = founder.rules().explicitly_privilege_room_creators;
    let mut content = defaults(founder, new, boundless);
    content.extend(new.power_levels.clone());
    check_users(founder, new, boundless)?;
    if boundless {
        keep_tombstone_above_state(&mut content);
    }
    Ok(content)
}

fn defaults(founder: &Founder<'_>, new: &NewRoom, boundless: bool) -> Map<String, Value> {
    let mut users = Map::new();
    if !boundless {
        let trusted = new.invite.iter().filter(|_| new.preset.trusts_invited()).map(|user| &**user);
        users.extend(trusted.chain([founder.creator]).map(|user| (user.to_string(), CREATOR_LEVEL.into())));
    }
    let tombstone = if boundless { TOMBSTONE_LEVEL_ABOVE_ADMINS } else { CREATOR_LEVEL };
    let content = json!({
        "users": users,
        "users_default": 0,
        "events": {
            "m.room.avatar": 50,
            "m.room.canonical_alias": 50,
            "m.room.encryption": 100,
            "m.room.history_visibility": 100,
            "m.room.name": 50,
            "m.room.power_levels": 100,
            "m.room.server_acl": 100,
            "m.room.tombstone": tombstone,
        },
        "events_default": 0,
        "state_default": DEFAULT_STATE_LEVEL,
        "ban": 50,
        "kick": 50,
        "redact": 50,
        "invite": new.preset.invite_level(),
    });
    match content {
        Value::Object(content) => content,
        _ => Map::new(),
    }
}

/// The client's `users` take the place of the default ones, so they must name the creator, or must not.
fn check_users(founder: &Founder<'_>, new: &NewRoom, boundless: bool) -> Result<(), FoundingError> {
    let Some(users) = new.power_levels.get("users") else { return Ok(()) };
    let malformed = |why: &str| Err(FoundingError::Malformed(why.to_owned()));
    let Some(users) = users.as_object() else { return malformed("users must be an object") };
    if !boundless {
        if users.contains_key(founder.creator.as_str()) {
            return Ok(());
        }
        return malformed("the power levels must name the creator of the room");
    }
    let additional = create_content::additional_creators(&new.creation_content, new)?;
    let creators: BTreeSet<&str> =
        additional.iter().map(String::as_str).chain([founder.creator.as_str()]).collect();
    match users.keys().find(|user| creators.contains(user.as_str())) {
        Some(_) => malformed("the power levels must not name a creator of the room"),
        None => Ok(()),
    }
}

/// > If the room's version is 12 or higher, the power level for sending `m.room.tombstone` events MUST explicitly be
/// > higher than `state_default`.
fn keep_tombstone_above_state(content: &mut Map<String, Value>) {
    let state_default = content.get("state_default").and_then(Value::as_i64).unwrap_or(DEFAULT_STATE_LEVEL);
    let Some(events) = content.get_mut("events").and_then(Value::as_object_mut) else { return };
    if events.get("m.room.tombstone").and_then(Value::as_i64).is_none_or(|level| level <= state_default) {
        let level = TOMBSTONE_LEVEL_ABOVE_ADMINS.max(state_default.saturating_add(1));
        events.insert("m.room.tombstone".into(), level.into());
    }
}
