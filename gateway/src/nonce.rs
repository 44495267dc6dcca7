//! Nonces that are good once and for a minute: shared-secret registration signs one, so that a request cannot be
//! replayed.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How long a nonce is good, as in Synapse.
const LIFE: Duration = Duration::from_mins(1);

/// The most nonces that are good at once; beyond, the oldest ends early.
const MAX_NONCES: usize = 1_000;

/// The nonces given out and not used yet, oldest first.
#[derive(Debug, Default)]
pub struct Nonces(Mutex<Vec<(Instant, String)>>);

impl Nonces {
    /// A new nonce.
    pub fn issue(&self) -> String {
        self.issue_at(Instant::now())
    }

    /// Whether the nonce is good; it is not any more after this.
    pub fn redeem(&self, nonce: &str) -> bool {
        self.redeem_at(nonce, Instant::now())
    }

    fn issue_at(&self, now: Instant) -> String {
        let nonce = hex::encode(rand::random::<[u8; 32]>());
        let mut nonces = self.0.lock();
        nonces.retain(|(issued, _)| now.duration_since(*issued) < LIFE);
        if nonces.len() >= MAX_NONCES {
            nonces.remove(0);
        }
        nonces.push((now, nonce.clone()));
        nonce
    }

    fn redeem_at(&self, nonce: &str, now: Instant) -> bool {
        let mut nonces = self.0.lock();
        let Some(at) = nonces.iter().position(|(_, known)| known == nonce) else { return false };
        let (issued, _) = nonces.remove(at);
        now.duration_since(issued) < LIFE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_once_and_for_a_minute() {
        let (nonces, now) = (Nonces::default(), Instant::now());
        let (used, old) = (nonces.issue_at(now), nonces.issue_at(now));

        assert!(nonces.redeem_at(&used, now + LIFE / 2));
        assert!(!nonces.redeem_at(&used, now + LIFE / 2));
        assert!(!nonces.redeem_at(&old, now + LIFE));
        assert!(!nonces.redeem_at("made up", now));
    }

    #[test]
    fn nonces_are_bounded() {
        let (nonces, now) = (Nonces::default(), Instant::now());
        let first = nonces.issue_at(now);
        let last = (0..MAX_NONCES).map(|_| nonces.issue_at(now)).last().unwrap();

        assert_eq!(nonces.0.lock().len(), MAX_NONCES);
        assert!(!nonces.redeem_at(&first, now));
        assert!(nonces.redeem_at(&last, now));
    }
}
