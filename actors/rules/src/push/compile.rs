//! From a user's rules to conditions that are quick to ask, shared by everyone who has the same rules.

use std::{collections::HashMap, sync::Arc};

use ruma::{
    OwnedRoomId, OwnedUserId, UserId,
    push::{Action, ConditionalPushRule, PatternedPushRule, Ruleset},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    check::name_of,
    condition::{Compiled, Condition, PersonalCondition},
    evaluate::PushOutcome,
};
use crate::glob::Glob;

/// A name for a rule set: equal for users whose rules differ only in that each names its own user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleSetHash([u8; 16]);

/// Compiled rules. Keep them by their [`RuleSetHash`]: most users share one.
#[derive(Debug)]
pub struct CompiledRules {
    pub(super) hash: RuleSetHash,
    pub(super) override_: Box<[Rule]>,
    pub(super) content: Box<[Rule]>,
    pub(super) room: HashMap<OwnedRoomId, Arc<PushOutcome>>,
    pub(super) sender: HashMap<OwnedUserId, Arc<PushOutcome>>,
    pub(super) underride: Box<[Rule]>,
}

/// A rule that is enabled.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) conditions: Box<[Condition]>,
    pub(super) personal: Arc<[PersonalCondition]>,
    pub(super) outcome: Arc<PushOutcome>,
}

impl CompiledRules {
    /// Compiles the rules of this user.
    pub fn compile(rules: &Ruleset, user: &UserId) -> Self {
        let enabled = |rule: &&ConditionalPushRule| rule.enabled;
        let conditional = |rule: &ConditionalPushRule| Rule::of_conditional(rule, user);
        Self {
            hash: RuleSetHash::of(rules, user),
            override_: rules.override_.iter().filter(enabled).map(conditional).collect(),
            content: rules.content.iter().filter(|rule| rule.enabled).map(Rule::of_pattern).collect(),
            room: rules
                .room
                .iter()
                .filter(|rule| rule.enabled)
                .map(|rule| (rule.rule_id.clone(), PushOutcome::of(&rule.actions)))
                .collect(),
            sender: rules
                .sender
                .iter()
                .filter(|rule| rule.enabled)
                .map(|rule| (rule.rule_id.clone(), PushOutcome::of(&rule.actions)))
                .collect(),
            underride: rules.underride.iter().filter(enabled).map(conditional).collect(),
        }
    }

    /// The name of the rule set.
    pub fn hash(&self) -> RuleSetHash {
        self.hash
    }
}

impl Rule {
    fn of_conditional(rule: &ConditionalPushRule, user: &UserId) -> Self {
        let mut conditions = Vec::new();
        let mut personal = Vec::new();
        for condition in &rule.conditions {
            match Compiled::new(condition, user) {
                Compiled::Shared(condition) => conditions.push(condition),
                Compiled::Personal(condition) => personal.push(condition),
            }
        }
        Self {
            conditions: conditions.into(),
            personal: personal.into(),
            outcome: PushOutcome::of(&rule.actions),
        }
    }

    fn of_pattern(rule: &PatternedPushRule) -> Self {
        let condition = Glob::new(&rule.pattern).map_or(Condition::Never, Condition::BodyMatches);
        Self {
            conditions: Box::new([condition]),
            personal: Arc::new([]),
            outcome: PushOutcome::of(&rule.actions),
        }
    }
}

impl PushOutcome {
    pub(super) fn of(actions: &[Action]) -> Arc<Self> {
        let notify = actions.iter().any(Action::should_notify);
        Arc::new(Self {
            notify,
            highlight: notify && actions.iter().any(Action::is_highlight),
            sound: actions
                .iter()
                .find_map(Action::sound)
                .filter(|_| notify)
                .map(|sound| Arc::from(sound.as_str())),
            actions: actions.iter().filter(|action| !is_historical(action)).cloned().collect(),
        })
    }
}

/// Whether the action only once had a meaning. Clients find such actions where they put them, and nothing else does.
///
/// > Clients and homeservers MUST ignore these actions, for instance, by stripping them from actions arrays.
///
/// Specification: <https://spec.matrix.org/v1.19/client-server-api/#historical-actions>
fn is_historical(action: &Action) -> bool {
    matches!(name_of(action).as_deref(), Some("dont_notify" | "coalesce"))
}

impl RuleSetHash {
    /// Of a rule set as JSON, in which an object stands for the user's own id: no condition has one there.
    pub fn of(rules: &Ruleset, user: &UserId) -> Self {
        let mut json = serde_json::to_value(rules).unwrap_or_default();
        for kind in ["override", "underride"] {
            for condition in conditions_of(&mut json, kind) {
                if let Some(field) = field_that_names(condition, user) {
                    condition[field] = json!({ "me": true });
                }
            }
        }
        let digest = Sha256::digest(json.to_string());
        let mut hash = [0; 16];
        hash.copy_from_slice(&digest[..16]);
        Self(hash)
    }
}

/// The field of a condition that is compiled to ask for the user's own id.
fn field_that_names(condition: &Value, user: &UserId) -> Option<&'static str> {
    let text = |field: &str| condition.get(field).and_then(Value::as_str);
    let is_user = |field: &str| text(field) == Some(user.as_str());
    match text("kind") {
        Some("event_match") if is_user("pattern") && text("key") != Some("content.body") => Some("pattern"),
        Some("event_property_contains") if is_user("value") => Some("value"),
        _ => None,
    }
}

fn conditions_of<'a>(json: &'a mut Value, kind: &str) -> impl Iterator<Item = &'a mut Value> {
    let rules = json.get_mut(kind).and_then(Value::as_array_mut).into_iter().flatten();
    rules.filter_map(|rule| rule.get_mut("conditions")?.as_array_mut()).flatten()
}
