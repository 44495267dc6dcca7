//! `[federation]`: how this server deals with others.

use std::{path::PathBuf, str::FromStr};

use playhouse_federation::{
    Settings,
    egress::{EgressSettings, Guard},
    keys::OldKey,
    peers::{Pattern, Peers},
};
use ruma::{OwnedServerName, ServerName};
use serde::Deserialize;

use super::{Network, Span};

/// The longest that a request to another server may take.
const LONGEST_TIMEOUT: Span = Span::seconds(300);

/// How this server deals with others.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Federation {
    /// Whether it has dealings with other servers at all.
    pub enabled: bool,
    /// Certificates of authorities to believe besides those of the machine, PEM.
    pub ca_file: Option<PathBuf>,
    /// Networks that requests may go to although they are private.
    pub allowed_networks: Vec<Network>,
    /// The only servers to talk to; all, where it is not given.
    pub allow_servers: Option<Vec<PeerPattern>>,
    /// Servers never to talk to.
    pub deny_servers: Vec<PeerPattern>,
    /// Servers that are believed about the keys of those that do not answer.
    pub notaries: Vec<OwnedServerName>,
    /// Keys that this server signed with and does no more.
    pub old_keys: Vec<OldKeyEntry>,
    /// Whether other servers are told what people call their devices.
    pub share_device_names: bool,
    /// Whether other servers are told which rooms are public.
    pub share_public_rooms: bool,
    /// How long a request may take.
    pub timeout: Span,
    /// How long a connection may take, for each address that is tried.
    pub connect_timeout: Span,
}

/// A server in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerPattern(Pattern);

impl FromStr for PeerPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

/// A key that this server signed with and does no more.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "OldKeyText")]
pub struct OldKeyEntry(OldKey);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldKeyText {
    id: String,
    key: String,
    expired_ms: u64,
}

impl TryFrom<OldKeyText> for OldKeyEntry {
    type Error = String;

    fn try_from(text: OldKeyText) -> Result<Self, String> {
        OldKey::new(&text.id, &text.key, text.expired_ms).map(Self).map_err(|error| error.to_string())
    }
}

impl Default for Federation {
    fn default() -> Self {
        Self {
            enabled: true,
            ca_file: None,
            allowed_networks: Vec::new(),
            allow_servers: None,
            deny_servers: Vec::new(),
            notaries: Vec::new(),
            old_keys: Vec::new(),
            share_device_names: false,
            share_public_rooms: false,
            timeout: Span::seconds(30),
            connect_timeout: Span::seconds(10),
        }
    }
}

impl Federation {
    /// What federation is started with; `None` where it is off.
    pub fn settings(&self) -> Option<Settings> {
        let networks = self.allowed_networks.clone();
        let guard = Guard::allowing(move |address| networks.iter().any(|network| network.contains(address)));
        self.enabled.then(|| Settings {
            egress: EgressSettings {
                ca_file: self.ca_file.clone(),
                guard,
                connect_timeout: self.connect_timeout.duration(),
            },
            peers: self.peers(),
            notaries: self.notaries.clone(),
            old_keys: self.old_keys.iter().map(|OldKeyEntry(key)| key.clone()).collect(),
            share_device_names: self.share_device_names,
            timeout: self.timeout.duration(),
        })
    }

    fn peers(&self) -> Peers {
        let patterns =
            |list: &[PeerPattern]| list.iter().map(|PeerPattern(pattern)| pattern.clone()).collect();
        Peers::new(self.allow_servers.as_deref().map(patterns), patterns(&self.deny_servers))
    }

    /// What cannot be, by key.
    pub(super) fn problems(&self, server_name: &ServerName) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut problem =
            |key: &str, message: &str| found.push((format!("federation.{key}"), message.to_owned()));
        let spans = [("timeout", self.timeout), ("connect_timeout", self.connect_timeout)];
        for (key, span) in spans {
            if !(Span::seconds(1)..=LONGEST_TIMEOUT).contains(&span) {
                problem(key, "must be between \"1 s\" and \"5 m\"");
            }
        }
        if self.connect_timeout > self.timeout {
            problem("connect_timeout", "must not be longer than `timeout`");
        }
        if self.notaries.iter().any(|notary| notary == server_name) {
            problem("notaries", "this server cannot be its own notary");
        }
        let peers = self.peers();
        if self.notaries.iter().any(|notary| !peers.admit(notary)) {
            problem("notaries", "one of them is not among the servers to talk to");
        }
        found
    }
}
