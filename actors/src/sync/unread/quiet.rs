//! Rows of a room's log that are nothing to anybody with the same push rules.
//!
//! Most of a large room's log is people who come and go, and by most rules that notifies nobody. Whoever counts anew
//! far back passes over such rows without reading them. Rows of the log never change, so what is known of one stays.

use std::collections::VecDeque;

use parking_lot::Mutex;
use playhouse_rules::push::RuleSetHash;

use super::MOST_COUNTED;

/// The rule sets that a room keeps its quiet rows of; for those who have others, everything is read.
const MOST_RULE_SETS: usize = 8;

/// The quiet rows of a room, by rule set.
#[derive(Debug, Default)]
pub struct QuietRows {
    by_rules: Mutex<Vec<(RuleSetHash, Rows)>>,
}

/// What is known of the rows from `first` on: of a quiet one, by how many it changed the number of joined members.
/// **Invariant**: no more than [`MOST_COUNTED`], the newest.
#[derive(Debug)]
struct Rows {
    first: i64,
    quiet: VecDeque<Option<i16>>,
}

impl QuietRows {
    /// What is known of the rows from `first` up to but not including `end`, by these rules: of each quiet one, by how
    /// many it changed the number of joined members.
    pub fn of(&self, rules: RuleSetHash, first: i64, end: i64) -> Vec<Option<i16>> {
        let by_rules = self.by_rules.lock();
        let rows = by_rules.iter().find(|(known, _)| *known == rules).map(|(_, rows)| rows);
        (first..end).map(|seq| rows.and_then(|rows| rows.get(seq))).collect()
    }

    /// Notes that a row is quiet.
    pub fn note(&self, rules: RuleSetHash, seq: i64, joined: i16) {
        let mut by_rules = self.by_rules.lock();
        let known = by_rules.iter().position(|(known, _)| *known == rules);
        let at = known.unwrap_or_else(|| {
            if by_rules.len() >= MOST_RULE_SETS {
                by_rules.remove(0);
            }
            by_rules.push((rules, Rows { first: seq, quiet: VecDeque::new() }));
            by_rules.len() - 1
        });
        by_rules[at].1.put(seq, joined);
    }

    /// Memory that it holds, for the cache budget.
    pub fn estimated_bytes(&self) -> usize {
        let by_rules = self.by_rules.lock();
        by_rules.iter().map(|(_, rows)| rows.quiet.capacity() * size_of::<Option<i16>>()).sum()
    }
}

impl Rows {
    fn get(&self, seq: i64) -> Option<i16> {
        *self.quiet.get(usize::try_from(seq - self.first).ok()?)?
    }

    fn put(&mut self, seq: i64, joined: i16) {
        let end = self.first + self.quiet.len() as i64;
        if seq < end - MOST_COUNTED {
            return;
        }
        if seq >= end + MOST_COUNTED {
            *self = Self { first: seq, quiet: VecDeque::new() };
        }
        while seq < self.first {
            self.quiet.push_front(None);
            self.first -= 1;
        }
        while seq >= self.first + self.quiet.len() as i64 {
            self.quiet.push_back(None);
        }
        while self.quiet.len() as i64 > MOST_COUNTED {
            self.quiet.pop_front();
            self.first += 1;
        }
        self.quiet[(seq - self.first) as usize] = Some(joined);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use playhouse_rules::push::PushRules;
    use proptest::prelude::*;
    use ruma::push::{NewPushRule, NewSimplePushRule};

    use super::*;

    /// The default rules and, for each number, another muted room.
    fn rules(n: usize) -> RuleSetHash {
        let user = ruma::user_id!("@a:a");
        let mut rules = PushRules::server_default(user);
        let room = ruma::OwnedRoomId::try_from(format!("!{n}:a")).unwrap();
        let mute = NewPushRule::Room(NewSimplePushRule::new(room, Vec::new()));
        rules.put(mute, None, None).unwrap();
        rules.compile().hash()
    }

    static RULES: LazyLock<RuleSetHash> = LazyLock::new(|| rules(1));

    proptest! {
        #[test]
        fn what_was_noted_is_known_of_the_newest_rows_and_of_no_other(
            notes in proptest::collection::vec((0_i64..5_000, -3_i16..3), 1..200),
        ) {
            let (rows, rules) = (QuietRows::default(), *RULES);
            let mut noted = std::collections::BTreeMap::new();
            for (seq, joined) in notes {
                rows.note(rules, seq, joined);
                noted.insert(seq, joined);
            }

            let known = rows.of(rules, 0, 5_000);

            let newest = *noted.keys().last().unwrap();
            for (seq, known) in (0..).zip(&known) {
                prop_assert!(known.is_none() || *known == noted.get(&seq).copied(), "{seq} {known:?}");
            }
            prop_assert_eq!(known[newest as usize], noted.get(&newest).copied());
            prop_assert!(rows.by_rules.lock()[0].1.quiet.len() as i64 <= MOST_COUNTED);
        }
    }

    #[test]
    fn each_rule_set_has_its_own_and_only_so_many_are_kept() {
        let rows = QuietRows::default();
        for n in 0..=MOST_RULE_SETS {
            rows.note(rules(n), 7, 1);
        }

        assert_eq!(rows.of(rules(0), 7, 8), [None], "the oldest went");
        assert_eq!(rows.of(rules(1), 6, 9), [None, Some(1), None]);
        assert_eq!(rows.by_rules.lock().len(), MOST_RULE_SETS);
    }
}
