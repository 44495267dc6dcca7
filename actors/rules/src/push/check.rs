//! What a client may put into a rule. The caps bound what one user's rules can cost everyone else.

use ruma::push::{Action, NewPushRule, PushCondition};
use serde::Serialize;
use serde_json::Value;

use super::{PushRuleError, defaults::is_default};

/// The most bytes of a rule's id.
pub const MAX_RULE_ID_BYTES: usize = 255;
/// The most bytes of a glob pattern.
pub const MAX_PATTERN_BYTES: usize = 255;
/// The most bytes of the `key` of a condition.
pub const MAX_KEY_BYTES: usize = 255;
/// The most conditions of a rule.
pub const MAX_CONDITIONS: usize = 20;
/// The most actions of a rule.
pub const MAX_ACTIONS: usize = 20;
/// The most rules of each kind that looks at what an event says (`override`, `content`, `underride`): each costs time for
/// every event.
pub const MAX_RULES_BY_CONTENT: usize = 200;
/// The most rules of each kind that is found by its id (`room`, `sender`).
pub const MAX_RULES_BY_ID: usize = 2_000;
/// The most bytes of all rules of a user, as they are stored and sent in every initial sync.
pub const MAX_RULE_SET_BYTES: usize = 256 * 1024;

/// The most bytes of one condition or one action.
const MAX_PART_BYTES: usize = 1024;

/// Checks a rule that a client wants to have.
pub(super) fn rule(rule: &NewPushRule) -> Result<(), PushRuleError> {
    rule_id(rule.rule_id())?;
    match rule {
        NewPushRule::Override(rule) | NewPushRule::Underride(rule) => conditions(&rule.conditions)?,
        NewPushRule::Content(rule) => at_most("pattern", rule.pattern.len(), MAX_PATTERN_BYTES)?,
        _ => {}
    }
    actions(match rule {
        NewPushRule::Override(rule) | NewPushRule::Underride(rule) => &rule.actions,
        NewPushRule::Content(rule) => &rule.actions,
        NewPushRule::Room(rule) => &rule.actions,
        NewPushRule::Sender(rule) => &rule.actions,
        #[allow(unreachable_patterns, reason = "ruma has more kinds with some of its features")]
        _ => return Err(PushRuleError::UnknownKind),
    })
}

/// > If the string starts with a dot ("."), the request MUST be rejected as this is reserved for server-default rules.
/// > Slashes ("/") and backslashes ("\\") are also not allowed.
fn rule_id(rule_id: &str) -> Result<(), PushRuleError> {
    if is_default(rule_id) {
        return Err(PushRuleError::ReservedId);
    }
    if rule_id.is_empty() || rule_id.contains(['/', '\\', '\0']) {
        return Err(PushRuleError::InvalidId);
    }
    at_most("rule_id", rule_id.len(), MAX_RULE_ID_BYTES)
}

/// A condition of a kind that we do not know is kept, since the user's other clients may: it matches nothing.
fn conditions(conditions: &[PushCondition]) -> Result<(), PushRuleError> {
    at_most("conditions", conditions.len(), MAX_CONDITIONS)?;
    for condition in conditions {
        let data = condition.data();
        let length = |field: &str| data.get(field).and_then(Value::as_str).map_or(0, str::len);
        at_most("key", length("key"), MAX_KEY_BYTES)?;
        at_most("pattern", length("pattern"), MAX_PATTERN_BYTES)?;
        at_most("condition", encoded_length(condition), MAX_PART_BYTES)?;
    }
    Ok(())
}

/// Checks the actions of a rule, a default one or the user's own.
pub(super) fn actions(actions: &[Action]) -> Result<(), PushRuleError> {
    at_most("actions", actions.len(), MAX_ACTIONS)?;
    for action in actions {
        at_most("action", encoded_length(action), MAX_PART_BYTES)?;
        match name_of(action).as_deref() {
            Some("notify" | "dont_notify" | "coalesce" | "set_tweak") => {}
            _ => return Err(PushRuleError::UnknownAction),
        }
    }
    Ok(())
}

/// The name of an action: itself, or that of the object that it is.
pub(super) fn name_of(action: &Action) -> Option<String> {
    match serde_json::to_value(action).ok()? {
        Value::String(name) => Some(name),
        Value::Object(action) if action.contains_key("set_tweak") => Some("set_tweak".to_owned()),
        _ => None,
    }
}

pub(super) fn at_most(what: &'static str, size: usize, max: usize) -> Result<(), PushRuleError> {
    if size > max { Err(PushRuleError::TooLarge { what, max }) } else { Ok(()) }
}

fn encoded_length(part: &impl Serialize) -> usize {
    serde_json::to_string(part).map_or(usize::MAX, |text| text.len())
}
