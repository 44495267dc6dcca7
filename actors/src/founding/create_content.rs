//! The content of `m.room.create`.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#mroomcreate>

use std::collections::BTreeSet;

use ruma::OwnedUserId;
use serde_json::{Map, Value};

use super::{FoundingError, NewRoom, plan::Founder};

/// What the client wants in it, and what the server decides.
///
/// # Errors
/// [`FoundingError::Malformed`] for members of a wrong type.
pub(super) fn create_content(
    founder: &Founder<'_>,
    new: &NewRoom,
) -> Result<Map<String, Value>, FoundingError> {
    let mut content = new.creation_content.clone();
    expect(&content, "m.federate", "true or false", Value::is_boolean)?;
    expect(&content, "type", "a text", Value::is_string)?;
    expect(&content, "predecessor", "an object", Value::is_object)?;
    // > The server will overwrite the following keys: `creator`, `room_version`.
    content.remove("creator");
    if !founder.rules().use_room_create_sender {
        content.insert("creator".into(), founder.creator.to_string().into());
    }
    content.insert("room_version".into(), founder.version.id().to_string().into());
    if founder.rules().additional_room_creators {
        let creators = additional_creators(&content, new)?;
        if !creators.is_empty() || content.contains_key("additional_creators") {
            content.insert("additional_creators".into(), creators.into());
        }
    }
    Ok(content)
}

/// The creators beside the sender.
///
/// > When using the `trusted_private_chat` preset, the server SHOULD combine `additional_creators` specified here and
/// > the `invite` array into the eventual `m.room.create` event's `additional_creators`, deduplicating between the two
/// > parameters.
pub(super) fn additional_creators(
    content: &Map<String, Value>,
    new: &NewRoom,
) -> Result<Vec<String>, FoundingError> {
    let wrong = || FoundingError::Malformed("additional_creators must be a list of user ids".into());
    let named = match content.get("additional_creators") {
        None => &[],
        Some(named) => named.as_array().ok_or_else(wrong)?.as_slice(),
    };
    let mut creators: Vec<String> = Vec::new();
    for user in named {
        let user = user.as_str().and_then(|user| OwnedUserId::try_from(user).ok()).ok_or_else(wrong)?;
        creators.push(user.into());
    }
    if new.preset.trusts_invited() {
        creators.extend(new.invite.iter().map(ToString::to_string));
    }
    let mut seen = BTreeSet::new();
    creators.retain(|user| seen.insert(user.clone()));
    Ok(creators)
}

fn expect(
    content: &Map<String, Value>,
    key: &str,
    what: &str,
    fits: impl FnOnce(&Value) -> bool,
) -> Result<(), FoundingError> {
    match content.get(key) {
        Some(value) if !fits(value) => Err(FoundingError::Malformed(format!("{key} must be {what}"))),
        _ => Ok(()),
    }
}
