//! What the users asked for, and what the server acknowledged of it.

use std::collections::{BTreeMap, BTreeSet};

/// A message, known by its text, which no other message has.
#[derive(Clone, Debug)]
pub struct Message {
    pub user: usize,
    pub transaction: String,
    /// Set when the server acknowledged it.
    pub event_id: Option<String>,
}

/// A to-device message, known by its number.
#[derive(Clone, Debug)]
pub struct Ping {
    pub from: usize,
    pub to: usize,
    pub transaction: String,
    pub acknowledged: bool,
}

/// A value that one writer counts up: what is stored lies between what was acknowledged and what was attempted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter {
    pub attempted: u64,
    pub acknowledged: u64,
}

impl Counter {
    pub fn attempt(&mut self) -> u64 {
        self.attempted += 1;
        self.attempted
    }

    pub fn holds(self, value: u64) -> bool {
        (self.acknowledged..=self.attempted).contains(&value)
    }
}

/// What concerns one user's device.
#[derive(Clone, Debug, Default)]
pub struct Account {
    pub global_data: Counter,
    pub state: Counter,
    /// The events that the user marked as read, in the order of the log; the counter counts along.
    pub marks: Vec<String>,
    pub receipts: Counter,
    pub keys_made: u64,
    pub keys_acknowledged: u64,
    pub keys_claimed: BTreeSet<String>,
    /// Claims whose answer never came: each may have taken a key along.
    pub claims_lost: u64,
}

/// The whole book.
#[derive(Debug, Default)]
pub struct Ledger {
    pub messages: BTreeMap<String, Message>,
    pub pings: BTreeMap<u64, Ping>,
    pub accounts: Vec<Account>,
    pub requests_acknowledged: u64,
    /// How often the server said, in the proper way, that it is unavailable.
    pub unavailable: u64,
    /// What it said the last time.
    pub last_unavailable: String,
    pub faults: Vec<String>,
}

impl Ledger {
    /// Notes a one-time key that was handed out.
    pub fn claimed(&mut self, owner: usize, key: &str) {
        if !self.accounts[owner].keys_claimed.insert(key.to_owned()) {
            self.faults.push(format!("the one-time key {key} of user {owner} was handed out twice"));
        }
    }
}
