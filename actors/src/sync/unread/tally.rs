//! What is unread in a room, as events come and receipts move.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use playhouse_rules::push::RuleSetHash;
use ruma::OwnedUserId;

use super::{Counts, MOST_COUNTED};
use crate::{room::RoomView, sync::response::UnreadCounts};

/// Unread events that are remembered one by one; beyond, only how many there are.
const MOST_LISTED: usize = 64;

/// What the counts depend on besides events and receipts; when it changes, everything is counted anew.
#[derive(Debug, Clone)]
pub struct Basis {
    /// The push rules.
    pub rules: RuleSetHash,
    /// Who is ignored.
    pub ignored: Arc<HashSet<OwnedUserId>>,
    /// The user's member event: the time of the join, the name in the room.
    pub member_event: i64,
}

impl PartialEq for Basis {
    fn eq(&self, other: &Self) -> bool {
        self.rules == other.rules
            && Arc::ptr_eq(&self.ignored, &other.ignored)
            && self.member_event == other.member_event
    }
}

/// An event that was held against the push rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its sequence number.
    pub seq: i64,
    /// The root of its thread; `None` is the main timeline.
    pub thread: Option<Arc<str>>,
    /// What it means to the user.
    pub meaning: Meaning,
}

/// What an event means to the counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// It notifies.
    Notifies {
        /// And it highlights.
        highlight: bool,
    },
    /// The user wrote it, and so has read what was before it in its thread.
    Own,
    /// It redacts an event of the room, which does not notify any more.
    Redacts(i64),
}

/// The unread events of a room, up to a log row and a position.
#[derive(Debug, Clone)]
pub struct Tally {
    /// What it depends on.
    pub basis: Basis,
    /// The log row by which the user joined.
    pub joined_seq: i64,
    /// Events up to this row are counted.
    pub head_seq: i64,
    /// Receipts up to this position are counted.
    pub pos: i64,
    unread: Unread,
}

#[derive(Debug, Clone)]
enum Unread {
    Listed(Vec<Entry>),
    Counted { main: UnreadCounts, threads: BTreeMap<Arc<str>, UnreadCounts> },
}

#[derive(Debug, Clone)]
struct Entry {
    seq: i64,
    thread: Option<Arc<str>>,
    highlight: bool,
}

impl Tally {
    /// Nothing is unread.
    pub fn new(basis: Basis, joined_seq: i64) -> Self {
        Self { basis, joined_seq, head_seq: joined_seq, pos: 0, unread: Unread::Listed(Vec::new()) }
    }

    /// Everything of the room is counted now.
    pub fn reached(&mut self, view: &RoomView) {
        self.head_seq = self.head_seq.max(view.head_seq);
        self.pos = self.pos.max(view.pos);
    }

    /// Takes in an event; in the order of the log.
    pub fn note(&mut self, found: Found) {
        let Found { seq, thread, meaning } = found;
        match meaning {
            Meaning::Notifies { highlight } => self.unread.add(Entry { seq, thread, highlight }),
            Meaning::Own => self.unread.forget_thread(thread.as_deref()),
            Meaning::Redacts(target) => self.unread.forget_event(target),
        }
    }

    /// Drops what was read, where `mark` is the row up to which a thread was read. Answers false if it cannot be told
    /// what that is: then everything must be counted anew.
    pub fn read(&mut self, mark: impl Fn(Option<&str>) -> i64) -> bool {
        let Unread::Listed(entries) = &mut self.unread else { return false };
        entries.retain(|entry| entry.seq > mark(entry.thread.as_deref()));
        true
    }

    /// The counts; those of threads apart or with the others.
    pub fn counts(&self, threads_apart: bool) -> Counts {
        let mut counts = Counts::default();
        self.unread.each_count(|thread, count| match thread {
            Some(root) if threads_apart => *counts.threads.entry(root.to_owned()).or_default() += count,
            _ => counts.main += count,
        });
        counts
    }
}

impl Unread {
    fn add(&mut self, entry: Entry) {
        match self {
            Self::Listed(entries) if entries.len() < MOST_LISTED => entries.push(entry),
            Self::Listed(entries) => {
                let mut counted = Self::Counted { main: UnreadCounts::default(), threads: BTreeMap::new() };
                for entry in entries.drain(..) {
                    counted.add(entry);
                }
                counted.add(entry);
                *self = counted;
            }
            Self::Counted { main, threads } => {
                let count = entry.count();
                match entry.thread {
                    Some(root) => *threads.entry(root).or_default() += count,
                    None => *main += count,
                }
            }
        }
    }

    fn forget_thread(&mut self, thread: Option<&str>) {
        match self {
            Self::Listed(entries) => entries.retain(|entry| entry.thread.as_deref() != thread),
            Self::Counted { main, threads } => match thread {
                Some(root) => drop(threads.remove(root)),
                None => *main = UnreadCounts::default(),
            },
        }
    }

    /// Where there are too many to list, one more or less tells the user nothing.
    fn forget_event(&mut self, seq: i64) {
        if let Self::Listed(entries) = self {
            entries.retain(|entry| entry.seq != seq);
        }
    }

    fn each_count(&self, mut each: impl FnMut(Option<&str>, UnreadCounts)) {
        match self {
            Self::Listed(entries) => {
                entries.iter().for_each(|entry| each(entry.thread.as_deref(), entry.count()));
            }
            Self::Counted { main, threads } => {
                each(None, *main);
                threads.iter().for_each(|(root, count)| each(Some(root), *count));
            }
        }
    }
}

impl Entry {
    fn count(&self) -> UnreadCounts {
        UnreadCounts { notification_count: 1, highlight_count: u64::from(self.highlight) }
    }
}

impl std::ops::AddAssign for UnreadCounts {
    fn add_assign(&mut self, other: Self) {
        const MOST: u64 = MOST_COUNTED as u64;
        self.notification_count = (self.notification_count + other.notification_count).min(MOST);
        self.highlight_count = (self.highlight_count + other.highlight_count).min(MOST);
    }
}

#[cfg(test)]
mod tests;
