//! Which rate holds for whom.

use std::collections::HashMap;

use ruma::OwnedUserId;

use super::{Rate, Whose};
use crate::config::{ClassRate, RateLimits, UserLimits};

/// The classes of requests, each with a bucket of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Sending events, redactions included.
    Messages,
    /// Joining and knocking.
    Joins,
    /// Inviting.
    Invites,
    /// Logging in and refreshing, by address.
    Logins,
    /// Wrong passwords, by address and by account.
    FailedLogins,
    /// Registering, by address.
    Registrations,
    /// Every other endpoint that the specification calls rate-limited.
    Other,
    /// All requests of one address together.
    Address,
    /// All requests of one other server together.
    Servers,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Messages,
        Self::Joins,
        Self::Invites,
        Self::Logins,
        Self::FailedLogins,
        Self::Registrations,
        Self::Other,
        Self::Address,
        Self::Servers,
    ];

    /// Its name in the configuration, metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Joins => "joins",
            Self::Invites => "invites",
            Self::Logins => "logins",
            Self::FailedLogins => "failed_logins",
            Self::Registrations => "registrations",
            Self::Other => "other",
            Self::Address => "address",
            Self::Servers => "servers",
        }
    }
}

/// The rates of all classes, and the users with rates of their own.
#[derive(Debug)]
pub struct Rates {
    by_class: HashMap<Class, Rate>,
    users: HashMap<OwnedUserId, UserRates>,
}

#[derive(Debug)]
struct UserRates {
    exempt: bool,
    by_class: HashMap<Class, Rate>,
}

impl Rates {
    /// Rates as configured.
    pub fn new(config: &RateLimits) -> Self {
        let by_class = Class::ALL.into_iter().map(|class| (class, rate(config.of(class)))).collect();
        let users =
            config.users.iter().map(|(user, limits)| (user.clone(), UserRates::new(limits))).collect();
        Self { by_class, users }
    }

    /// The rate of a bucket; `None` for no limit.
    pub fn of(&self, class: Class, whose: Whose<'_>) -> Option<Rate> {
        let general = self.by_class.get(&class).copied();
        let Whose::User(user) = whose else { return general };
        match self.users.get(user) {
            Some(own) if own.exempt => None,
            Some(own) => own.by_class.get(&class).copied().or(general),
            None => general,
        }
    }
}

impl UserRates {
    fn new(limits: &UserLimits) -> Self {
        let own = Class::ALL.into_iter().filter_map(|class| Some((class, rate(limits.of(class)?))));
        Self { exempt: limits.exempt, by_class: own.collect() }
    }
}

fn rate(configured: ClassRate) -> Rate {
    Rate::new(configured.per_second, configured.burst)
}
