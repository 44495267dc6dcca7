//! What a client may add to a member event.

use serde_json::{Map, Value};

use super::MembershipError;

/// Members of the content that the server sets itself, or that prove something which nobody proved.
const DECIDED_BY_THE_SERVER: [&str; 5] =
    ["membership", "reason", "join_authorised_via_users_server", "third_party_invite", "third_party_signed"];

/// The client's members of the content without those that the server decides.
///
/// # Errors
/// [`MembershipError::BadContent`] for a name or an avatar that is no text.
pub(super) fn allowed(mut said: Map<String, Value>) -> Result<Map<String, Value>, MembershipError> {
    said.retain(|key, _| !DECIDED_BY_THE_SERVER.contains(&key.as_str()));
    for field in ["displayname", "avatar_url"] {
        if said.get(field).is_some_and(|value| !value.is_string() && !value.is_null()) {
            return Err(MembershipError::BadContent(format!("{field} must be a text")));
        }
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_client_adds_what_it_likes_but_decides_nothing() {
        let said = map(json!({
            "foo": "bar", "displayname": "Al", "membership": "ban", "join_authorised_via_users_server": "@a:b",
            "third_party_invite": {}, "reason": "r",
        }));

        assert_eq!(allowed(said).unwrap(), map(json!({ "foo": "bar", "displayname": "Al" })));
    }

    #[test]
    fn a_name_is_a_text_or_nothing() {
        assert!(allowed(map(json!({ "displayname": null }))).is_ok());
        assert!(matches!(allowed(map(json!({ "displayname": 7 }))), Err(MembershipError::BadContent(_))));
        assert!(matches!(allowed(map(json!({ "avatar_url": {} }))), Err(MembershipError::BadContent(_))));
    }
}
