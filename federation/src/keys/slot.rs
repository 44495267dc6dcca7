//! What is known of one server's keys, and when it may be asked again.

use std::time::Duration;

use ed25519_dalek::VerifyingKey;
use ruma::ServerName;
use tokio::time::Instant;

use super::{DatedKey, KeyError, ServerKeys, Source};

/// After an answer: a key that it does not have may be new, but who makes keys up must not make us ask all the time.
const AFTER_ANSWER: Duration = Duration::from_mins(1);
/// After every source has failed once; doubled with each round that follows...
const AFTER_FIRST_ROUND: Duration = Duration::from_secs(30);
/// ...up to this.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// One server.
#[derive(Debug, Default)]
pub(super) struct Slot {
    recalled: bool,
    keys: Option<ServerKeys>,
    not_before: Option<Instant>,
    /// Attempts that failed since the last one that did not.
    failures: u32,
    last_failure: Option<String>,
}

impl Slot {
    pub(super) fn is_recalled(&self) -> bool {
        self.recalled
    }

    /// Takes what was remembered.
    pub(super) fn recalls(&mut self, keys: Option<ServerKeys>) {
        (self.recalled, self.keys) = (true, keys);
    }

    /// A key that is valid at that time.
    pub(super) fn key(&self, id: &str, now_ms: u64) -> Option<VerifyingKey> {
        self.keys.as_ref().filter(|keys| keys.is_valid_until(now_ms))?.key(id).copied()
    }

    /// A key that is known, whether still valid or not.
    pub(super) fn dated(&self, id: &str) -> Option<DatedKey> {
        self.keys.as_ref()?.dated(id)
    }

    pub(super) fn is_valid_until(&self, at_ms: u64) -> bool {
        self.keys.as_ref().is_some_and(|keys| keys.is_valid_until(at_ms))
    }

    /// Whether a source may be asked.
    pub(super) fn may_ask(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|at| at <= now)
    }

    /// The source whose turn it is.
    pub(super) fn source<'a>(&self, sources: &'a [Source]) -> &'a Source {
        &sources[self.failures as usize % sources.len()]
    }

    /// Takes an answer.
    pub(super) fn learns(&mut self, keys: ServerKeys, now: Instant) {
        (self.keys, self.failures, self.last_failure) = (Some(keys), 0, None);
        self.not_before = Some(now + AFTER_ANSWER);
    }

    /// Counts a failure: the next source may be asked at once, but each round of `sources` ends in a pause.
    pub(super) fn failed(&mut self, now: Instant, sources: usize, reason: String) {
        self.failures = self.failures.saturating_add(1);
        self.last_failure = Some(reason);
        let (rounds, rest) = (self.failures / sources as u32, self.failures % sources as u32);
        if rest == 0 {
            let factor = 1_u32.checked_shl(rounds - 1).unwrap_or(u32::MAX);
            self.not_before = Some(now + AFTER_FIRST_ROUND.saturating_mul(factor).min(LONGEST_PAUSE));
        }
    }

    /// Why a key cannot be had.
    pub(super) fn refusal(&self, server: &ServerName, key_id: &str, now_ms: u64) -> KeyError {
        let server = server.to_owned();
        match &self.keys {
            Some(keys) if keys.is_valid_until(now_ms) => {
                KeyError::Unknown { server, key_id: key_id.to_owned() }
            }
            Some(_) => KeyError::Expired { server },
            None => {
                let reason = self.last_failure.clone().unwrap_or_else(|| "nobody was asked".to_owned());
                KeyError::Unavailable { server, reason }
            }
        }
    }
}
