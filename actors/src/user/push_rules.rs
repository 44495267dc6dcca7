//! Push rules: stored as account data, changed rule by rule.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#push-rules-api>

use playhouse_rules::push::{PushRuleError, PushRules};
use playhouse_storage::tables::account_data::AccountDataRow;
use ruma::{
    UserId,
    push::{Action, NewPushRule, RuleKind},
};

use super::{UserError, UserHandle, actor::UserActorState, data::UserData, message::UserRequest};
use crate::push::RuleSets;

/// The type of the account data.
///
/// <https://spec.matrix.org/v1.19/client-server-api/#mpush_rules>
const KIND: &str = "m.push_rules";
/// Where the default rules of a user who never changed them stand in the user's stream: at its beginning, so that a
/// first sync has them and no later one.
const DEFAULT_POS: i64 = 1;

/// A change of one rule.
#[derive(Debug, Clone)]
pub enum PushRuleChange {
    /// Adds a rule or changes one of the user's own.
    Put {
        /// The rule.
        rule: NewPushRule,
        /// The rule before which it shall stand.
        before: Option<String>,
        /// The rule after which it shall stand.
        after: Option<String>,
    },
    /// Removes one of the user's own.
    Remove(RuleKind, String),
    /// Enables or disables a rule.
    Enable(RuleKind, String, bool),
    /// Changes what a rule does.
    SetActions(RuleKind, String, Vec<Action>),
}

impl PushRuleChange {
    fn apply(self, rules: &mut PushRules) -> Result<(), PushRuleError> {
        match self {
            Self::Put { rule, before, after } => rules.put(rule, before.as_deref(), after.as_deref()),
            Self::Remove(kind, rule_id) => rules.remove(&kind, &rule_id),
            Self::Enable(kind, rule_id, enabled) => rules.set_enabled(kind, &rule_id, enabled),
            Self::SetActions(kind, rule_id, actions) => rules.set_actions(kind, &rule_id, actions),
        }
    }
}

impl UserHandle {
    /// Changes one push rule; durable on return, and the next event is judged by it.
    ///
    /// # Errors
    /// [`UserError::PushRule`], [`UserError::Full`], [`UserError::Unavailable`].
    pub async fn change_push_rule(&self, change: PushRuleChange) -> Result<(), UserError> {
        self.ask(|reply| UserRequest::ChangePushRule { change, reply }).await
    }
}

impl UserActorState {
    /// Reads the rules, changes one and writes them.
    ///
    /// # Errors
    /// [`UserError::PushRule`], [`UserError::Full`], [`UserError::Unavailable`]; nothing is changed then.
    pub(super) async fn change_push_rule(&mut self, change: PushRuleChange) -> Result<(), UserError> {
        let mut rules = self.data.push_rules(&self.user);
        change.apply(&mut rules)?;
        let position = self.store_account_data(None, KIND.to_owned(), rules.content()).await?;
        self.data.compiled_push_rules = Some(self.context.rule_sets.share(rules.compile()));
        self.publish(position);
        Ok(())
    }
}

impl UserData {
    /// The user's push rules. `owner` is the user.
    pub fn push_rules(&self, owner: &UserId) -> PushRules {
        let stored = self.account_data("", KIND);
        stored.map_or_else(|| PushRules::server_default(owner), |content| PushRules::load(owner, content))
    }

    /// Brings the stored rules up to today's defaults, and compiles them. `owner` is the user.
    pub fn renew_push_rules(&mut self, owner: &UserId, rule_sets: &RuleSets) {
        let rules = self.push_rules(owner);
        let key = (String::new(), KIND.to_owned());
        let pos = self.account_data.get(&key).map_or(DEFAULT_POS, |row| row.pos);
        self.put_account_data(owner, key.0, key.1, AccountDataRow { content: rules.content(), pos });
        self.compiled_push_rules = Some(rule_sets.share(rules.compile()));
    }
}

impl From<PushRuleError> for UserError {
    fn from(error: PushRuleError) -> Self {
        Self::PushRule(error)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ruma::{push::NewSimplePushRule, room_id, user_id};

    use super::*;

    fn loaded(user: &UserId, rule_sets: &RuleSets) -> UserData {
        let mut data = UserData::default();
        data.renew_push_rules(user, rule_sets);
        data
    }

    #[test]
    fn everyone_who_never_changed_a_rule_has_one_rule_set() {
        let rule_sets = RuleSets::default();

        let alice = loaded(user_id!("@alice:a"), &rule_sets).compiled_push_rules.unwrap();
        let bob = loaded(user_id!("@bob:a"), &rule_sets).compiled_push_rules.unwrap();

        assert!(Arc::ptr_eq(&alice, &bob));
    }

    #[test]
    fn default_rules_stand_at_the_beginning_of_the_stream_and_changed_ones_where_they_were_changed() {
        let (alice, rule_sets) = (user_id!("@alice:a"), RuleSets::default());
        let key = (String::new(), KIND.to_owned());
        let mut data = loaded(alice, &rule_sets);
        assert_eq!(data.account_data[&key].pos, DEFAULT_POS);

        let mut rules = data.push_rules(alice);
        let mute = NewSimplePushRule::new(room_id!("!r:a").to_owned(), Vec::new());
        PushRuleChange::Put { rule: NewPushRule::Room(mute), before: None, after: None }
            .apply(&mut rules)
            .unwrap();
        data.put_account_data(
            alice,
            key.0.clone(),
            key.1.clone(),
            AccountDataRow { content: rules.content(), pos: 77 },
        );
        data.renew_push_rules(alice, &rule_sets);

        assert_eq!(data.account_data[&key].pos, 77);
        assert!(data.push_rules(alice).ruleset().get(RuleKind::Room, "!r:a").is_some());
    }
}
