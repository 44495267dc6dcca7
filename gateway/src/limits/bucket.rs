//! One token bucket as one number: the generic cell rate algorithm.

use std::time::Duration;

/// How fast a bucket fills and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Microseconds until a token comes back; 0 for a rate without a limit.
    interval_us: u64,
    /// Microseconds that a whole bucket is worth.
    burst_us: u64,
}

/// A year: the longest that anything here waits.
const MAX_US: f64 = 365.0 * 86_400.0 * 1e6;

impl Rate {
    /// `per_second` tokens a second, at most `burst` at once.
    pub fn new(per_second: f64, burst: u32) -> Self {
        let interval_us = (1e6 / per_second).clamp(1.0, MAX_US) as u64;
        Self { interval_us, burst_us: interval_us.saturating_mul(u64::from(burst.max(1))) }
    }

    /// The bucket after a token was taken; a bucket is the time at which it is full again.
    ///
    /// # Errors
    /// The time until there is a token.
    pub(super) fn take(self, full_at_us: u64, now_us: u64) -> Result<u64, Duration> {
        let full_after_us = full_at_us.max(now_us).saturating_add(self.interval_us);
        match full_after_us.saturating_sub(now_us).checked_sub(self.burst_us) {
            None | Some(0) => Ok(full_after_us),
            Some(missing_us) => Err(Duration::from_micros(missing_us)),
        }
    }

    /// The bucket after a token was put back.
    pub(super) fn give_back(self, full_at_us: u64) -> u64 {
        full_at_us.saturating_sub(self.interval_us)
    }
}
