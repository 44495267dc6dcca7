//! The aliases that an `m.room.canonical_alias` event names.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#mroomcanonical_alias>

use std::collections::BTreeSet;

use ruma::{OwnedRoomAliasId, RoomAliasId};
use serde_json::{
    Map, Value,
    value::{RawValue, to_raw_value},
};

use super::AliasError;

/// The aliases that `new` names and `old` does not.
///
/// # Errors
/// [`AliasError::Malformed`]: `new` names something that is no alias.
pub(crate) fn newly_named(
    old: Option<&RawValue>,
    new: &RawValue,
) -> Result<BTreeSet<OwnedRoomAliasId>, AliasError> {
    let new = parse(new).ok_or(AliasError::Malformed("the content must be an object"))?;
    let old = old.and_then(parse).unwrap_or_default();
    let known = known(&old);
    let texts = texts(&new)?.into_iter().filter(|text| !known.contains(text));
    texts.map(|text| OwnedRoomAliasId::try_from(text).map_err(|_| malformed())).collect()
}

/// The content without an alias; `None` if it does not name it.
pub(crate) fn without(content: &RawValue, alias: &RoomAliasId) -> Option<Box<RawValue>> {
    let mut content = parse(content)?;
    let before = content.clone();
    if content.get("alias").and_then(Value::as_str) == Some(alias.as_str()) {
        content.remove("alias");
    }
    if let Some(Value::Array(others)) = content.get_mut("alt_aliases") {
        others.retain(|other| other.as_str() != Some(alias.as_str()));
        if others.is_empty() && before["alt_aliases"] != Value::Array(Vec::new()) {
            content.remove("alt_aliases");
        }
    }
    if content == before {
        return None;
    }
    to_raw_value(&content).ok()
}

fn parse(content: &RawValue) -> Option<Map<String, Value>> {
    serde_json::from_str(content.get()).ok()
}

fn malformed() -> AliasError {
    AliasError::Malformed("alias and alt_aliases must name room aliases")
}

/// Every alias of a content that is about to be sent.
fn texts(content: &Map<String, Value>) -> Result<Vec<&str>, AliasError> {
    let mut texts = Vec::new();
    match content.get("alias") {
        // > If not present, null, or empty the room should be considered to have no canonical alias.
        None | Some(Value::Null) => {}
        Some(Value::String(alias)) if alias.is_empty() => {}
        Some(alias) => texts.push(alias.as_str().ok_or_else(malformed)?),
    }
    match content.get("alt_aliases") {
        None | Some(Value::Null) => {}
        Some(others) => {
            for other in others.as_array().ok_or_else(malformed)? {
                texts.push(other.as_str().ok_or_else(malformed)?);
            }
        }
    }
    Ok(texts)
}

/// Every alias of a content that stands, whatever else is in it.
fn known(content: &Map<String, Value>) -> BTreeSet<&str> {
    let others = content.get("alt_aliases").and_then(Value::as_array).into_iter().flatten();
    content.get("alias").into_iter().chain(others).filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use ruma::room_alias_id;
    use serde_json::json;

    use super::*;

    fn raw(value: &Value) -> Box<RawValue> {
        to_raw_value(value).unwrap()
    }

    fn new(old: Option<Value>, new: &Value) -> Result<Vec<String>, AliasError> {
        let old = old.map(|old| raw(&old));
        let named = newly_named(old.as_deref(), &raw(new))?;
        Ok(named.into_iter().map(|alias| alias.to_string()).collect())
    }

    #[test]
    fn only_what_is_newly_named_is_checked() {
        let old = json!({ "alias": "#a:x", "alt_aliases": ["#b:x", "no alias", 7] });

        let named = new(Some(old), &json!({ "alias": "#b:x", "alt_aliases": ["#a:x", "#c:x", "no alias"] }));

        assert_eq!(named.unwrap(), ["#c:x"]);
    }

    #[test]
    fn no_alias_can_be_said_in_four_ways() {
        for content in
            [json!({}), json!({ "alias": null }), json!({ "alias": "" }), json!({ "alt_aliases": [] })]
        {
            assert!(new(None, &content).unwrap().is_empty(), "{content}");
        }
    }

    #[test]
    fn what_is_no_alias_is_refused() {
        for content in [
            json!({ "alias": "stage:x" }),
            json!({ "alias": 7 }),
            json!({ "alt_aliases": "#a:x" }),
            json!({ "alt_aliases": [7] }),
            json!({ "alt_aliases": ["%a:x"] }),
        ] {
            assert!(matches!(new(None, &content), Err(AliasError::Malformed(_))), "{content}");
        }
    }

    #[test]
    fn a_removed_alias_goes_from_both_places_and_the_rest_stays() {
        let removed = |content: Value| {
            let without = without(&raw(&content), room_alias_id!("#a:x"));
            without.map(|raw| serde_json::from_str::<Value>(raw.get()).unwrap())
        };

        assert_eq!(removed(json!({ "alias": "#a:x", "alt_aliases": ["#a:x"] })), Some(json!({})));
        assert_eq!(
            removed(json!({ "alias": "#b:x", "alt_aliases": ["#a:x", "#c:x"], "k": 1 })),
            Some(json!({ "alias": "#b:x", "alt_aliases": ["#c:x"], "k": 1 }))
        );
        assert_eq!(removed(json!({ "alias": "#b:x", "alt_aliases": [] })), None);
        assert_eq!(removed(json!({})), None);
    }
}
