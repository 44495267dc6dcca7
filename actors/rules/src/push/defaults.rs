//! The server's default rules, and how a user's changes survive a change of them.
//!
//! Specification: <https://spec.matrix.org/v1.19/client-server-api/#predefined-rules>

use ruma::{
    UserId,
    push::{ConditionalPushRule, Ruleset},
};

/// The rule that switches everything off: the only default that comes before the user's own rules.
pub(super) const MASTER: &str = ".m.rule.master";

/// Today's default rules for this user.
pub(super) fn rules_for(user: &UserId) -> Ruleset {
    Ruleset::server_default(user)
}

/// Puts today's defaults into a user's rules. Of a default that the user had, whether it is enabled and what it does are
/// kept; a default of yesterday goes.
pub(super) fn renew(rules: &mut Ruleset, user: &UserId) {
    let today = rules_for(user);
    rules.content.retain(|rule| !is_default(&rule.rule_id));
    rules.room.retain(|rule| !rule.default);
    rules.sender.retain(|rule| !rule.default);
    let overrides = today.override_.into_iter().map(|rule| kept(rule, rules.override_.iter())).collect();
    let underrides = today.underride.into_iter().map(|rule| kept(rule, rules.underride.iter())).collect();
    rules.override_ = with_defaults(rules.override_.drain(..).collect(), overrides).into_iter().collect();
    rules.underride = with_defaults(rules.underride.drain(..).collect(), underrides).into_iter().collect();
}

/// A default rule with what the user made of it.
fn kept<'a>(
    mut rule: ConditionalPushRule,
    mut stored: impl Iterator<Item = &'a ConditionalPushRule>,
) -> ConditionalPushRule {
    if let Some(stored) = stored.find(|stored| stored.rule_id == rule.rule_id) {
        rule.enabled = stored.enabled;
        rule.actions.clone_from(&stored.actions);
    }
    rule
}

/// The user's own rules, before the defaults but after the master rule.
fn with_defaults(
    stored: Vec<ConditionalPushRule>,
    defaults: Vec<ConditionalPushRule>,
) -> Vec<ConditionalPushRule> {
    let (master, others): (Vec<_>, Vec<_>) = defaults.into_iter().partition(|rule| rule.rule_id == MASTER);
    let own = stored.into_iter().filter(|rule| !is_default(&rule.rule_id));
    master.into_iter().chain(own).chain(others).collect()
}

/// Whether this is the id of a default rule: all of these begin with a dot, and no other may.
pub(super) fn is_default(rule_id: &str) -> bool {
    rule_id.starts_with('.')
}
