//! The configuration: TOML, the environment on top of it, and the checks that stop a start that could not work.
//!
//! Every key is read somewhere. `ops/playhouse.example.toml` shows them all; a test holds it to this file.

mod check;
mod environment;
mod error;
mod federation;
mod load;
mod rate_limits;
mod registration;
mod scylla;
mod values;

use std::path::PathBuf;

use ruma::{OwnedServerName, OwnedUserId, RoomVersionId};
use serde::Deserialize;

pub use error::ConfigError;
pub use federation::{Federation, OldKeyEntry, PeerPattern};
pub use load::{EXAMPLE, load, load_with};
pub use rate_limits::{ClassRate, RateLimits, UserLimits};
pub use registration::{Policy, PolicyText, Registration, RegistrationToken};
pub use scylla::{Consistency, Scylla, Secret};
pub use values::{Address, ByteSize, Network, Span};

/// Everything that an operator may set.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The domain in user ids and room aliases. It can never change.
    pub server_name: OwnedServerName,
    /// Where the store keeps its files.
    pub data_dir: PathBuf,
    /// Which store.
    pub store: StoreKind,
    /// The cluster, where that is the store.
    pub scylla: Scylla,
    /// The version of new rooms.
    #[serde(deserialize_with = "values::room_version")]
    pub default_room_version: RoomVersionId,
    /// What the caches of the process may take together.
    pub memory_limit: ByteSize,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Where the server listens.
    #[serde(rename = "listener")]
    pub listeners: Vec<Listener>,
    /// Dealings with other servers.
    pub federation: Federation,
    /// Who may register.
    pub registration: Registration,
    /// Access tokens and devices.
    pub sessions: Sessions,
    /// Password hashes.
    pub passwords: Passwords,
    /// Rate limits.
    pub rate_limits: RateLimits,
    /// Metrics for Prometheus.
    pub metrics: Metrics,
    /// Logs.
    pub log: Log,
    /// What `/.well-known/matrix/` says.
    pub well_known: WellKnown,
}

/// Where rows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// The embedded store, in `data_dir`.
    Fjall,
    /// A cluster of ScyllaDB or Apache Cassandra, as `[scylla]` says.
    Scylla,
    /// Memory: everything is lost at the end. For tests.
    Memory,
}

/// A socket that takes connections.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// `127.0.0.1:8008`, `[::]:8448` or `unix:/run/playhouse.sock`.
    pub address: Address,
    /// What is served there.
    #[serde(default = "default_parts")]
    pub parts: Vec<Part>,
    /// The certificate chain, PEM; with it the listener speaks TLS.
    pub tls_certificate: Option<PathBuf>,
    /// The certificate's private key, PEM.
    pub tls_key: Option<PathBuf>,
    /// How many connections it holds open at once.
    #[serde(default = "default_max_connections")]
    pub max_connections: usize,
}

/// A part of the server that listeners name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The client-server API and `/.well-known/matrix/`.
    Client,
    /// The server-server API.
    Federation,
    /// The administration API.
    Admin,
    /// `/metrics`.
    Metrics,
    /// `/health` and `/ready`.
    Health,
}

/// Lives of tokens.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sessions {
    /// The life of an access token of a client that can refresh it. Others get tokens without an end.
    pub refreshable_token_lifetime: Span,
    /// The life of a token that logs another device in.
    pub login_token_lifetime: Span,
}

/// Password hashes.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Passwords {
    /// What one hash costs.
    pub cost: PasswordCost,
}

/// What one password hash costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PasswordCost {
    /// As OWASP advises: 19 MiB and some tens of milliseconds.
    #[default]
    Interactive,
    /// Next to nothing, for tests only.
    Test,
}

/// Metrics.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// The address of `/metrics`; empty turns it off.
    #[serde(deserialize_with = "values::optional_address")]
    pub address: Option<Address>,
}

/// Logs.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// A level, or directives such as `info,playhouse_actors=debug`. Read again on SIGHUP.
    pub level: String,
    /// How a line looks.
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What `/.well-known/matrix/` says; files that would be empty are 404.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WellKnown {
    /// The base URL of the client API, for `/.well-known/matrix/client`.
    pub client: Option<String>,
    /// `host:port` of the server-server API, for `/.well-known/matrix/server`.
    pub server: Option<String>,
    /// A page where users find help.
    pub support_page: Option<String>,
    /// The administrators' e-mail address.
    pub support_admin_email: Option<String>,
    /// The administrators' Matrix id.
    pub support_admin_user: Option<OwnedUserId>,
    /// The e-mail address for reports about security.
    pub support_security_email: Option<String>,
    /// The Matrix id for reports about security.
    pub support_security_user: Option<OwnedUserId>,
}

impl Default for Config {
    /// A server for one machine: everything on loopback, nobody can register.
    fn default() -> Self {
        Self {
            server_name: values::localhost(),
            data_dir: PathBuf::from("data"),
            store: StoreKind::Fjall,
            scylla: Scylla::default(),
            default_room_version: RoomVersionId::V12,
            memory_limit: ByteSize::mib(512),
            trusted_proxies: Vec::new(),
            listeners: vec![Listener::default()],
            federation: Federation::default(),
            registration: Registration::default(),
            sessions: Sessions::default(),
            passwords: Passwords::default(),
            rate_limits: RateLimits::default(),
            metrics: Metrics::default(),
            log: Log::default(),
            well_known: WellKnown::default(),
        }
    }
}

impl Default for Listener {
    fn default() -> Self {
        Self {
            address: Address::loopback(8008),
            parts: default_parts(),
            tls_certificate: None,
            tls_key: None,
            max_connections: default_max_connections(),
        }
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self { refreshable_token_lifetime: Span::hours(1), login_token_lifetime: Span::seconds(120) }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self { address: Some(Address::loopback(9008)) }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

fn default_parts() -> Vec<Part> {
    vec![Part::Client, Part::Admin, Part::Health]
}

const fn default_max_connections() -> usize {
    20_000
}

#[cfg(test)]
mod tests;
