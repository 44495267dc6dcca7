//! A user's rules: what is stored as `m.push_rules`, brought up to today's defaults, and the changes that clients make.
//!
//! Specification: <https://spec.matrix.org/v1.19/client-server-api/#push-rules-api>

use ruma::{
    OwnedUserId, UserId,
    push::{Action, ConditionalPushRule, NewPushRule, PatternedPushRule, RuleKind, Ruleset, SimplePushRule},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json, value::RawValue};

use super::{CompiledRules, check, defaults, placement::Place};

/// The kinds of rules in the order of their importance.
const KINDS: [&str; 5] = ["override", "content", "room", "sender", "underride"];

/// Why a change of the rules is refused. Nothing is changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushRuleError {
    /// There is no such rule: 404 `M_NOT_FOUND`.
    #[error("There is no such push rule.")]
    NotFound,
    /// The rule named by `before` or `after` is not there: 400 `M_UNKNOWN`.
    #[error("The rule named by `before` or `after` does not exist.")]
    UnknownNeighbor,
    /// The rule named by `before` or `after` is a default rule: 400 `M_UNKNOWN`.
    #[error("A rule cannot be placed next to a default rule.")]
    DefaultNeighbor,
    /// The id is reserved for default rules: 400 `M_INVALID_PARAM`.
    #[error("Ids that begin with a dot are for default rules.")]
    ReservedId,
    /// The id is empty or has a slash: 400 `M_INVALID_PARAM`.
    #[error("The id of a rule must not be empty and must not have `/` or `\\`.")]
    InvalidId,
    /// A default rule cannot be removed, only disabled: 400 `M_INVALID_PARAM`.
    #[error("A default rule cannot be removed; disable it instead.")]
    DefaultRule,
    /// The kind of rule is not known: 400 `M_INVALID_PARAM`.
    #[error("There is no such kind of push rule.")]
    UnknownKind,
    /// An action is not known: 400 `M_INVALID_PARAM`.
    #[error("An action must be `notify` or an object with `set_tweak`.")]
    UnknownAction,
    /// A part of the rule is too large: 400 `M_TOO_LARGE`.
    #[error("Too much `{what}`: at most {max} are allowed.")]
    TooLarge {
        /// The part.
        what: &'static str,
        /// The limit, in bytes or entries.
        max: usize,
    },
}

/// The rules of a user.
#[derive(Debug, Clone)]
pub struct PushRules {
    user: OwnedUserId,
    rules: Ruleset,
}

impl PushRules {
    /// Today's default rules.
    pub fn server_default(user: &UserId) -> Self {
        Self { user: user.to_owned(), rules: defaults::rules_for(user) }
    }

    /// The stored content of `m.push_rules`, with today's defaults. A rule that cannot be read is dropped: a bad row must
    /// not silence its user.
    pub fn load(user: &UserId, content: &RawValue) -> Self {
        let mut content: Value = serde_json::from_str(content.get()).unwrap_or_default();
        let mut stored = content.get_mut("global").map(Value::take).unwrap_or_default();
        let mut rules = Ruleset::new();
        rules.override_ = readable::<ConditionalPushRule>(&mut stored, "override").collect();
        rules.content = readable::<PatternedPushRule>(&mut stored, "content").collect();
        rules.room = readable::<SimplePushRule<_>>(&mut stored, "room").collect();
        rules.sender = readable::<SimplePushRule<_>>(&mut stored, "sender").collect();
        rules.underride = readable::<ConditionalPushRule>(&mut stored, "underride").collect();
        defaults::renew(&mut rules, user);
        Self { user: user.to_owned(), rules }
    }

    /// The content of `m.push_rules`: to be stored, and to come down sync. Every kind is there, even if it is empty.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/client-server-api/#mpush_rules>
    pub fn content(&self) -> Box<RawValue> {
        let mut rules = serde_json::to_value(&self.rules).unwrap_or_default();
        for kind in KINDS {
            if rules.get(kind).is_none() {
                rules[kind] = json!([]);
            }
        }
        RawValue::from_string(json!({ "global": rules }).to_string()).unwrap_or_default()
    }

    /// The rules, as the API shows them.
    pub fn ruleset(&self) -> &Ruleset {
        &self.rules
    }

    /// The rules, ready to be asked.
    pub fn compile(&self) -> CompiledRules {
        CompiledRules::compile(&self.rules, &self.user)
    }

    /// Adds a rule of the user's, or changes the one with its id: that stays enabled or disabled as it was, and where it
    /// was unless a neighbor is named. A new rule comes first of the user's own.
    ///
    /// # Errors
    /// See [`PushRuleError`].
    ///
    /// Specification: <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleid>
    pub fn put(
        &mut self,
        rule: NewPushRule,
        before: Option<&str>,
        after: Option<&str>,
    ) -> Result<(), PushRuleError> {
        check::rule(&rule)?;
        let place = Place { before, after };
        let mut changed = self.clone();
        changed.place(place, rule)?;
        check::at_most("rules", changed.content().get().len(), check::MAX_RULE_SET_BYTES)?;
        *self = changed;
        Ok(())
    }

    fn place(&mut self, place: Place<'_>, rule: NewPushRule) -> Result<(), PushRuleError> {
        let rules = &mut self.rules;
        match rule {
            NewPushRule::Override(rule) => {
                let placed =
                    place.put(rules.override_.drain(..), rule.into(), check::MAX_RULES_BY_CONTENT)?;
                rules.override_.extend(placed);
            }
            NewPushRule::Underride(rule) => {
                let placed =
                    place.put(rules.underride.drain(..), rule.into(), check::MAX_RULES_BY_CONTENT)?;
                rules.underride.extend(placed);
            }
            NewPushRule::Content(rule) => {
                let placed = place.put(rules.content.drain(..), rule.into(), check::MAX_RULES_BY_CONTENT)?;
                rules.content.extend(placed);
            }
            NewPushRule::Room(rule) => {
                let placed = place.put(rules.room.drain(..), rule.into(), check::MAX_RULES_BY_ID)?;
                rules.room.extend(placed);
            }
            NewPushRule::Sender(rule) => {
                let placed = place.put(rules.sender.drain(..), rule.into(), check::MAX_RULES_BY_ID)?;
                rules.sender.extend(placed);
            }
            #[allow(unreachable_patterns, reason = "ruma has more kinds with some of its features")]
            _ => return Err(PushRuleError::UnknownKind),
        }
        Ok(())
    }

    /// Removes a rule of the user's.
    ///
    /// # Errors
    /// See [`PushRuleError`].
    ///
    /// Specification: <https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3pushrulesglobalkindruleid>
    pub fn remove(&mut self, kind: &RuleKind, rule_id: &str) -> Result<(), PushRuleError> {
        if defaults::is_default(rule_id) {
            let known = self.rules.get(kind.clone(), rule_id).is_some();
            return Err(if known { PushRuleError::DefaultRule } else { PushRuleError::NotFound });
        }
        let removed = match kind {
            RuleKind::Override => self.rules.override_.shift_remove(rule_id),
            RuleKind::Underride => self.rules.underride.shift_remove(rule_id),
            RuleKind::Content => self.rules.content.shift_remove(rule_id),
            RuleKind::Room => self.rules.room.shift_remove(rule_id),
            RuleKind::Sender => self.rules.sender.shift_remove(rule_id),
            _ => return Err(PushRuleError::UnknownKind),
        };
        if removed { Ok(()) } else { Err(PushRuleError::NotFound) }
    }

    /// Enables or disables a rule, a default one or the user's own.
    ///
    /// # Errors
    /// See [`PushRuleError`].
    ///
    /// Specification: <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleidenabled>
    pub fn set_enabled(&mut self, kind: RuleKind, rule_id: &str, enabled: bool) -> Result<(), PushRuleError> {
        self.rules.set_enabled(kind, rule_id, enabled).map_err(|_| PushRuleError::NotFound)
    }

    /// Changes what a rule does, a default one or the user's own.
    ///
    /// # Errors
    /// See [`PushRuleError`].
    ///
    /// Specification: <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleidactions>
    pub fn set_actions(
        &mut self,
        kind: RuleKind,
        rule_id: &str,
        actions: Vec<Action>,
    ) -> Result<(), PushRuleError> {
        check::actions(&actions)?;
        self.rules.set_actions(kind, rule_id, actions).map_err(|_| PushRuleError::NotFound)
    }
}

/// The rules of a kind that can be read.
fn readable<T: DeserializeOwned>(stored: &mut Value, kind: &str) -> impl Iterator<Item = T> {
    let rules = stored.get_mut(kind).map(Value::take).unwrap_or_default();
    let rules = if let Value::Array(rules) = rules { rules } else { Vec::new() };
    rules.into_iter().filter_map(|rule| serde_json::from_value(rule).ok())
}
