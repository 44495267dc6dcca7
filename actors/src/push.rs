//! Push rules at work: rule sets shared by everyone who has them, and verdicts remembered with each event, so that an
//! event is judged once per distinct rule set and not once per member (**I9**).

use std::sync::{Arc, OnceLock, Weak};

use dashmap::DashMap;
use parking_lot::Mutex;
use playhouse_rules::{
    pdu::Pdu,
    push::{CompiledRules, EventFacts, PushOutcome, RoomContext, RuleSetHash, UserContext, Verdict},
};

/// The most rule sets whose verdict an event remembers. In a room with more, the others are judged again.
const MOST_VERDICTS: usize = 8;

/// The compiled rule sets that some user of this process has.
#[derive(Debug, Default)]
pub struct RuleSets {
    sets: DashMap<RuleSetHash, Weak<CompiledRules>>,
}

impl RuleSets {
    /// The rule set that everyone with equal rules shares.
    pub fn share(&self, rules: CompiledRules) -> Arc<CompiledRules> {
        self.forget_unused();
        let mut shared = self.sets.entry(rules.hash()).or_default();
        if let Some(known) = shared.upgrade() {
            return known;
        }
        let rules = Arc::new(rules);
        *shared = Arc::downgrade(&rules);
        rules
    }

    /// Drops the names of rule sets that nobody has any more, once they may be the greater part.
    fn forget_unused(&self) {
        const LOOK_AGAIN_EVERY: usize = 1_024;
        let len = self.sets.len();
        if len > 0 && len.is_multiple_of(LOOK_AGAIN_EVERY) {
            self.sets.retain(|_, rules| rules.strong_count() > 0);
        }
    }
}

/// What was found out about an event that push rules ask about. Lives and goes with the event in memory.
#[derive(Debug, Default)]
pub struct PushMemo {
    verdicts: Mutex<Vec<(RuleSetHash, Verdict)>>,
    /// Kept only where a verdict asks for each user.
    facts: OnceLock<Box<EventFacts>>,
    /// The thread that the event is in, once somebody asked: its root, or `None` for the main timeline.
    pub thread: OnceLock<Option<Arc<str>>>,
}

impl PushMemo {
    /// What the event does for a user. `room` is the room at the event, asked for only if nobody with these rules was
    /// judged before.
    pub fn outcome<'r>(
        &self,
        pdu: &Pdu,
        rules: &CompiledRules,
        room: impl FnOnce() -> RoomContext<'r>,
        user: &UserContext<'_>,
    ) -> Arc<PushOutcome> {
        let verdict = self.known(rules.hash()).unwrap_or_else(|| self.judge(pdu, rules, &room()));
        if verdict.is_settled() {
            return verdict.for_user(&EventFacts::new(pdu.clone()), user);
        }
        let facts = self.facts.get_or_init(|| Box::new(EventFacts::new(pdu.clone())));
        verdict.for_user(facts, user)
    }

    /// Whether it is known that the event notifies nobody who has these rules.
    pub fn is_quiet(&self, rules: RuleSetHash) -> bool {
        let verdicts = self.verdicts.lock();
        verdicts.iter().any(|(hash, verdict)| *hash == rules && verdict.is_quiet())
    }

    fn known(&self, rules: RuleSetHash) -> Option<Verdict> {
        let verdicts = self.verdicts.lock();
        verdicts.iter().find(|(hash, _)| *hash == rules).map(|(_, verdict)| verdict.clone())
    }

    fn judge(&self, pdu: &Pdu, rules: &CompiledRules, room: &RoomContext<'_>) -> Verdict {
        let verdict = match self.facts.get() {
            Some(facts) => rules.judge(facts, room),
            None => rules.judge(&EventFacts::new(pdu.clone()), room),
        };
        let mut verdicts = self.verdicts.lock();
        if verdicts.len() < MOST_VERDICTS && verdicts.iter().all(|(hash, _)| *hash != rules.hash()) {
            // Most rooms have one rule set, and every event in memory has this list.
            verdicts.reserve_exact(1);
            verdicts.push((rules.hash(), verdict.clone()));
        }
        verdict
    }
}
