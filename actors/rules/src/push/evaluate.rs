//! From the facts of an event to what it does for a user.

use std::{
    cell::LazyCell,
    sync::{Arc, LazyLock},
};

use ruma::{UserId, push::Action};

use super::{
    compile::{CompiledRules, Rule},
    condition::PersonalCondition,
    facts::EventFacts,
};
use crate::glob::Glob;
use crate::state::PowerLevels;

/// The room at the event: what is the same for all of its users.
#[derive(Debug, Clone, Copy)]
pub struct RoomContext<'a> {
    /// How many have joined.
    pub member_count: usize,
    /// Who may do what, and so who may notify everyone.
    pub power_levels: &'a PowerLevels,
}

/// The user for whom an event is judged.
#[derive(Debug, Clone, Copy)]
pub struct UserContext<'a> {
    /// The user.
    pub user_id: &'a UserId,
    /// The user's display name in the room.
    pub display_name: Option<&'a str>,
}

/// Both, where nothing is shared.
#[derive(Debug, Clone, Copy)]
pub struct PushContext<'a> {
    /// The room at the event.
    pub room: RoomContext<'a>,
    /// The user.
    pub user: UserContext<'a>,
}

/// What an event does for a user.
#[derive(Debug, Clone, Default)]
pub struct PushOutcome {
    /// Whether the user is notified: counts as unread, and goes to the pushers.
    pub notify: bool,
    /// Whether the notification is highlighted.
    pub highlight: bool,
    /// The sound of the notification.
    pub sound: Option<Arc<str>>,
    /// The actions of the rule that matched, for pushers and for `/notifications`.
    pub actions: Arc<[Action]>,
}

/// What a rule set makes of an event, but for what depends on the user. Good for every user who has these rules.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The rules that match if they match the user, most important first; all more important than `settled`.
    open: Vec<(Arc<[PersonalCondition]>, Arc<PushOutcome>)>,
    /// The rule that matches otherwise.
    settled: Option<Arc<PushOutcome>>,
}

impl Verdict {
    /// Whether the event does the same for everyone but its sender.
    pub fn is_settled(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether the event notifies nobody who has these rules.
    pub fn is_quiet(&self) -> bool {
        self.open.is_empty() && self.settled.as_ref().is_none_or(|outcome| !outcome.notify)
    }

    /// What the event does for one of the users who have these rules. Nobody is notified of their own events.
    pub fn for_user(&self, facts: &EventFacts, user: &UserContext<'_>) -> Arc<PushOutcome> {
        if facts.pdu().sender() == user.user_id {
            return Arc::clone(&NOTHING);
        }
        // Looked for only if a rule asks, and then once.
        let is_named = LazyCell::new(|| is_named(facts, user.display_name));
        let matches = |condition: &PersonalCondition| condition.holds(facts, user.user_id, || *is_named);
        let personal = self.open.iter().find(|(conditions, _)| conditions.iter().all(matches));
        personal.map(|(_, outcome)| outcome).or(self.settled.as_ref()).unwrap_or(&NOTHING).clone()
    }
}

/// No rule matches.
static NOTHING: LazyLock<Arc<PushOutcome>> = LazyLock::new(Arc::default);

impl CompiledRules {
    /// What these rules make of an event, once for all users who have them.
    pub fn judge(&self, facts: &EventFacts, room: &RoomContext<'_>) -> Verdict {
        let mut verdict = Verdict { open: Vec::new(), settled: None };
        verdict.settled = settle(&self.override_, facts, room, &mut verdict.open)
            .or_else(|| settle(&self.content, facts, room, &mut verdict.open))
            .or_else(|| self.room.get(facts.pdu().room_id()).cloned())
            .or_else(|| self.sender.get(facts.pdu().sender()).cloned())
            .or_else(|| settle(&self.underride, facts, room, &mut verdict.open));
        verdict
    }

    /// What the event does for one user, where nothing is shared.
    pub fn evaluate(&self, facts: &EventFacts, context: &PushContext<'_>) -> Arc<PushOutcome> {
        self.judge(facts, &context.room).for_user(facts, &context.user)
    }
}

/// The outcome of the first rule that matches everyone. Rules before it that may match somebody go to `open`.
fn settle(
    rules: &[Rule],
    facts: &EventFacts,
    room: &RoomContext<'_>,
    open: &mut Vec<(Arc<[PersonalCondition]>, Arc<PushOutcome>)>,
) -> Option<Arc<PushOutcome>> {
    for rule in rules {
        let may_match = rule.conditions.iter().all(|condition| condition.holds(facts, room))
            && rule.personal.iter().all(|condition| condition.could_hold(facts));
        if may_match && rule.personal.is_empty() {
            return Some(Arc::clone(&rule.outcome));
        }
        if may_match {
            open.push((Arc::clone(&rule.personal), Arc::clone(&rule.outcome)));
        }
    }
    None
}

/// Whether the body has the user's display name as a word, exactly: a `*` in a name is no wildcard.
fn is_named(facts: &EventFacts, display_name: Option<&str>) -> bool {
    let name = display_name.filter(|name| !name.is_empty()).and_then(Glob::literal);
    name.is_some_and(|name| facts.lower_body().is_some_and(|body| name.matches_words(body)))
}
