//! What a cluster is opened with.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use crate::clock::Clock;

/// Settings of the back end. The fields that an operator sets are named in the configuration's `[scylla]` table.
#[derive(Debug, Clone)]
pub struct CqlOptions {
    /// Nodes to ask first, `host:port`; the others are learnt from them.
    pub contact_points: Vec<String>,
    /// User and password, where the cluster asks for them.
    pub credentials: Option<Credentials>,
    /// TLS, where the cluster speaks it.
    pub tls: Option<Tls>,
    /// The data centre whose nodes answer, where there are several. None: all nodes are alike.
    pub datacenter: Option<String>,
    /// The keyspace: lower-case letters, digits and underscores, a letter first, at most 48.
    pub keyspace: String,
    /// How often each row is kept, where the keyspace is made here. One that is there keeps its own.
    pub replication: Replication,
    /// How many replicas of a row must have a write, and are asked for a read.
    pub consistency: Quorum,
    /// How long one statement may take.
    pub statement_timeout: Duration,
    /// The most statements under way at once.
    pub max_in_flight: u32,
    /// How long a statement waits for its turn beyond that bound, before the store counts as unavailable.
    pub queue_timeout: Duration,
    /// How far this machine's clock may be from the cluster's at the start.
    pub max_clock_skew: Duration,
    /// This machine's clock.
    pub clock: Clock,
    /// Whether the keyspace and its tables are made where they are not there.
    pub make: bool,
    /// Whether no other process may have the keyspace open in this way at the same time. One that only looks needs not
    /// be alone.
    pub alone: bool,
}

/// A setting that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("scylla.{setting}: {reason}")]
pub struct BadSetting {
    /// Its name in the configuration.
    pub setting: &'static str,
    /// What is wrong with it, and what would be right.
    pub reason: String,
}

impl CqlOptions {
    /// The defaults, for a cluster known by these nodes.
    pub fn new(contact_points: Vec<String>, keyspace: impl Into<String>) -> Self {
        Self {
            contact_points,
            credentials: None,
            tls: None,
            datacenter: None,
            keyspace: keyspace.into(),
            replication: Replication::Factor(3),
            consistency: Quorum::Local,
            statement_timeout: Duration::from_secs(5),
            max_in_flight: 1_024,
            queue_timeout: Duration::from_secs(1),
            max_clock_skew: Duration::from_secs(10),
            clock: Clock::system(),
            make: true,
            alone: false,
        }
    }

    /// Looks for what cannot be, before any node is asked.
    ///
    /// # Errors
    /// The first that is found.
    pub fn check(&self) -> Result<(), BadSetting> {
        /// The longest that servers take.
        const LONGEST_NAME: usize = 48;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let name = &self.keyspace;
        let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(plain)
            && name.len() <= LONGEST_NAME;
        let (setting, reason) = if self.contact_points.is_empty() {
            ("contact_points", "name at least one node, as host:port")
        } else if !is_name {
            ("keyspace", "a name has lower-case letters, digits and underscores, a letter first, at most 48")
        } else if self.replication == Replication::Factor(0) {
            ("replication_factor", "each row must be kept at least once")
        } else if matches!(&self.replication, Replication::Datacenters(factors) if factors.values().all(|n| *n == 0))
        {
            ("replication", "each row must be kept at least once, somewhere")
        } else if self.max_in_flight == 0 {
            ("max_in_flight", "at least one statement must be possible")
        } else if self.statement_timeout.is_zero() {
            ("timeout", "a statement needs some time; \"5 s\" do for most clusters")
        } else {
            return Ok(());
        };
        Err(BadSetting { setting, reason: reason.to_owned() })
    }
}

/// Who logs in.
#[derive(Clone)]
pub struct Credentials {
    /// The role.
    pub user: String,
    /// Its password.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// How to trust the cluster's nodes, and to be trusted. Their certificates name the addresses that the nodes tell of
/// themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificates of who signs the nodes' certificates, PEM.
    pub ca: PathBuf,
    /// What this server shows, where the nodes ask for it.
    pub identity: Option<Identity>,
}

/// A client certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// How often each row is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replication {
    /// So often in each data centre.
    Factor(u32),
    /// So often in each of these data centres, and in no other.
    Datacenters(BTreeMap<String, u32>),
}

/// Which majority of a row's replicas has a say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quorum {
    /// That of the data centre where the server is.
    Local,
    /// That of all data centres; each statement waits for the way between them.
    Global,
}
