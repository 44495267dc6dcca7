//! Push rules: which events notify whom, and how.
//!
//! A room of a thousand members has a thousand users and hardly more than one rule set, so the work is split: the rules
//! are compiled once per distinct set ([`CompiledRules`], found by their [`RuleSetHash`]), judged once per event and set
//! ([`CompiledRules::judge`]), and only what names the user is left to ask for each ([`CompiledRules::for_user`]).
//!
//! | File | Holds |
//! |---|---|
//! | `rule_set` | a user's rules: the stored `m.push_rules`, today's defaults, changes by clients |
//! | `check` | what a client may put into a rule: the caps |
//! | `placement` | where in the order of its kind a rule goes |
//! | `defaults` | the server's default rules |
//! | `compile` | from rules to conditions that are quick to ask |
//! | `condition` | the conditions |
//! | `facts` | what is asked about an event, worked out once |
//! | `evaluate` | from facts to an outcome |
//! | `path` | dot-separated property paths |
//!
//! Specification: <https://spec.matrix.org/v1.19/client-server-api/#push-rules>

mod check;
mod compile;
mod condition;
mod defaults;
mod evaluate;
mod facts;
mod path;
mod placement;
mod rule_set;

#[cfg(test)]
mod tests;

pub use self::{
    check::{
        MAX_ACTIONS, MAX_CONDITIONS, MAX_KEY_BYTES, MAX_PATTERN_BYTES, MAX_RULE_ID_BYTES, MAX_RULE_SET_BYTES,
        MAX_RULES_BY_CONTENT, MAX_RULES_BY_ID,
    },
    compile::{CompiledRules, RuleSetHash},
    evaluate::{PushContext, PushOutcome, RoomContext, UserContext, Verdict},
    facts::EventFacts,
    rule_set::{PushRuleError, PushRules},
};
