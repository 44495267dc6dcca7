//! Where in the order of its kind a rule goes: the first rule that matches decides.

use ruma::push::{ConditionalPushRule, PatternedPushRule, SimplePushRule};

use super::{
    PushRuleError,
    check::at_most,
    defaults::{self, is_default},
};

/// What rules of every kind have.
pub(super) trait AnyRule {
    fn id(&self) -> &str;
    fn enabled(&mut self) -> &mut bool;
}

impl AnyRule for ConditionalPushRule {
    fn id(&self) -> &str {
        &self.rule_id
    }

    fn enabled(&mut self) -> &mut bool {
        &mut self.enabled
    }
}

impl AnyRule for PatternedPushRule {
    fn id(&self) -> &str {
        &self.rule_id
    }

    fn enabled(&mut self) -> &mut bool {
        &mut self.enabled
    }
}

impl<T: AsRef<str>> AnyRule for SimplePushRule<T> {
    fn id(&self) -> &str {
        self.rule_id.as_ref()
    }

    fn enabled(&mut self) -> &mut bool {
        &mut self.enabled
    }
}

/// The neighbor that a client wants for a rule.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The rule that this one comes right before: it is to be more important.
    pub(super) before: Option<&'a str>,
    /// The rule that this one comes right after. If both are given, `before` decides.
    pub(super) after: Option<&'a str>,
}

impl Place<'_> {
    /// Puts `rule` into the rules of its kind, at most `max` of which may be the user's own.
    pub(super) fn put<R: AnyRule>(
        self,
        rules: impl Iterator<Item = R>,
        mut rule: R,
        max: usize,
    ) -> Result<Vec<R>, PushRuleError> {
        let mut rules: Vec<R> = rules.collect();
        let old = rules.iter().position(|other| other.id() == rule.id());
        if let Some(old) = old {
            *rule.enabled() = *rules.remove(old).enabled();
        }
        let before = index_of(&rules, self.before)?;
        let after = index_of(&rules, self.after)?.map(|index| index + 1);
        // Only the master rule comes before a user's own.
        let first = rules.iter().take_while(|other| other.id() == defaults::MASTER).count();
        let index = before.or(after).or(old).unwrap_or(first);
        rules.insert(index, rule);
        at_most("rules", rules.iter().filter(|rule| !is_default(rule.id())).count(), max)?;
        Ok(rules)
    }
}

fn index_of<R: AnyRule>(rules: &[R], neighbor: Option<&str>) -> Result<Option<usize>, PushRuleError> {
    let Some(neighbor) = neighbor else { return Ok(None) };
    if is_default(neighbor) {
        return Err(PushRuleError::DefaultNeighbor);
    }
    let index = rules.iter().position(|rule| rule.id() == neighbor);
    index.map(Some).ok_or(PushRuleError::UnknownNeighbor)
}
