//! `[rate_limits]`.

use std::collections::HashMap;

use ruma::OwnedUserId;
use serde::{Deserialize, Deserializer, de};

use crate::limits::Class;

/// Rate limits by class; `enabled = false` turns all of them off.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are the classes, which `Class` describes")]
pub struct RateLimits {
    pub enabled: bool,
    pub messages: ClassRate,
    pub joins: ClassRate,
    pub invites: ClassRate,
    pub logins: ClassRate,
    pub failed_logins: ClassRate,
    pub registrations: ClassRate,
    pub other: ClassRate,
    pub address: ClassRate,
    pub servers: ClassRate,
    pub users: HashMap<OwnedUserId, UserLimits>,
}

/// How fast tokens come back and how many there are at most.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassRate {
    /// Requests a second in the long run.
    #[serde(deserialize_with = "positive")]
    pub per_second: f64,
    /// Requests at once after a pause.
    #[serde(deserialize_with = "at_least_one")]
    pub burst: u32,
}

/// What holds for one user in place of the general rates.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are the classes, which `Class` describes")]
pub struct UserLimits {
    /// No limit at all.
    pub exempt: bool,
    pub messages: Option<ClassRate>,
    pub joins: Option<ClassRate>,
    pub invites: Option<ClassRate>,
    pub other: Option<ClassRate>,
}

const fn rate(per_second: f64, burst: u32) -> ClassRate {
    ClassRate { per_second, burst }
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            enabled: true,
            messages: rate(10.0, 50),
            joins: rate(0.5, 20),
            invites: rate(0.5, 30),
            logins: rate(0.5, 20),
            failed_logins: rate(0.1, 5),
            registrations: rate(0.2, 5),
            other: rate(20.0, 200),
            address: rate(200.0, 1_000),
            servers: rate(100.0, 1_000),
            users: HashMap::new(),
        }
    }
}

impl RateLimits {
    /// The rate of a class.
    pub fn of(&self, class: Class) -> ClassRate {
        match class {
            Class::Messages => self.messages,
            Class::Joins => self.joins,
            Class::Invites => self.invites,
            Class::Logins => self.logins,
            Class::FailedLogins => self.failed_logins,
            Class::Registrations => self.registrations,
            Class::Other => self.other,
            Class::Address => self.address,
            Class::Servers => self.servers,
        }
    }
}

impl UserLimits {
    /// The user's own rate of a class; classes that count before the user is known have none.
    pub fn of(&self, class: Class) -> Option<ClassRate> {
        match class {
            Class::Messages => self.messages,
            Class::Joins => self.joins,
            Class::Invites => self.invites,
            Class::Other => self.other,
            Class::Logins | Class::FailedLogins | Class::Registrations | Class::Address | Class::Servers => {
                None
            }
        }
    }
}

fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let number = f64::deserialize(deserializer)?;
    if number.is_finite() && number > 0.0 {
        return Ok(number);
    }
    Err(de::Error::custom("the rate must be above 0; `rate_limits.enabled = false` turns limits off"))
}

fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = u32::deserialize(deserializer)?;
    if number >= 1 { Ok(number) } else { Err(de::Error::custom("the burst must be at least 1")) }
}
