//! Rate limits: token buckets per user, per address and per class of request.
//!
//! A bucket is one number (GCRA). Buckets that are full again are forgotten; beyond [`MAX_BUCKETS`] all newcomers of a
//! class share one, so that a flood of addresses costs neither memory nor protection (**I11**).

mod bucket;
mod rates;

use std::{
    hash::{BuildHasher as _, RandomState},
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

use dashmap::DashMap;
use ruma::UserId;

use crate::{ApiError, config::RateLimits, metrics};

pub use bucket::Rate;
pub use rates::{Class, Rates};

/// The most buckets kept: 16 bytes each, and the map's overhead.
pub const MAX_BUCKETS: usize = 200_000;

/// The rate limits of a process.
#[derive(Debug)]
pub struct Limits {
    enabled: bool,
    rates: Rates,
    buckets: DashMap<u64, u64>,
    /// Keys are hashed with a secret of this process: nobody can aim at another's bucket.
    hasher: RandomState,
    epoch: Instant,
}

/// Whose bucket it is.
#[derive(Debug, Clone, Copy, Hash)]
pub enum Whose<'a> {
    /// A user's.
    User(&'a UserId),
    /// An address's; an IPv6 customer has a /64.
    Address(IpAddr),
    /// That of anything else with a name: a room, an invited user.
    Name(&'a str),
}

impl Limits {
    /// Limits as configured.
    pub fn new(config: &RateLimits) -> Self {
        Self {
            enabled: config.enabled,
            rates: Rates::new(config),
            buckets: DashMap::new(),
            hasher: RandomState::new(),
            epoch: Instant::now(),
        }
    }

    /// Takes one token.
    ///
    /// # Errors
    /// `M_LIMIT_EXCEEDED`, with the time until there is one.
    pub fn take(&self, class: Class, whose: Whose<'_>) -> Result<(), ApiError> {
        self.take_at(class, whose, self.now()).map_err(|wait| refuse(class, wait))
    }

    /// Gives a token back: the attempt that it was taken for does not count after all.
    pub fn give_back(&self, class: Class, whose: Whose<'_>) {
        let (Some(rate), true) = (self.rates.of(class, whose), self.enabled) else { return };
        if let Some(mut bucket) = self.buckets.get_mut(&self.key(class, whose)) {
            *bucket = rate.give_back(*bucket);
        }
    }

    /// Forgets the buckets that are full again.
    pub fn forget_full(&self) {
        self.forget_full_at(self.now());
    }

    fn take_at(&self, class: Class, whose: Whose<'_>, now_us: u64) -> Result<(), Duration> {
        let (Some(rate), true) = (self.rates.of(class, whose), self.enabled) else { return Ok(()) };
        let key = self.bucket_key(class, whose, now_us);
        let mut bucket = self.buckets.entry(key).or_default();
        *bucket = rate.take(*bucket, now_us)?;
        Ok(())
    }

    /// The key, or the class's shared one where no bucket more may be kept.
    fn bucket_key(&self, class: Class, whose: Whose<'_>, now_us: u64) -> u64 {
        let key = self.key(class, whose);
        if self.buckets.contains_key(&key) || self.buckets.len() < MAX_BUCKETS {
            return key;
        }
        self.forget_full_at(now_us);
        if self.buckets.len() < MAX_BUCKETS { key } else { self.key(class, Whose::Name("")) }
    }

    fn key(&self, class: Class, whose: Whose<'_>) -> u64 {
        let whose = match whose {
            Whose::Address(address) => Whose::Address(network_of(address)),
            other => other,
        };
        self.hasher.hash_one((class, whose))
    }

    fn forget_full_at(&self, now_us: u64) {
        self.buckets.retain(|_, empty_until_us| *empty_until_us > now_us);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

fn refuse(class: Class, wait: Duration) -> ApiError {
    metrics::limited(class);
    tracing::debug!(rule = class.name(), wait_ms = wait.as_millis(), "rate limited");
    ApiError::limit_exceeded(wait)
}

fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests;
