//! `[scylla]`: the cluster, where `store = "scylla"`.

use std::{collections::BTreeMap, path::PathBuf};

use playhouse_storage::backends::scylla::{CqlOptions, Credentials, Identity, Quorum, Replication, Tls};
use serde::Deserialize;

use super::Span;

/// A cluster of ScyllaDB or Apache Cassandra.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scylla {
    /// Nodes to ask first, `host:port`.
    pub contact_points: Vec<String>,
    /// The keyspace; made where it is not there.
    pub keyspace: String,
    /// How often each row is kept in each data centre, where the keyspace is made.
    pub replication_factor: u32,
    /// How often each row is kept in which data centre; in place of `replication_factor`.
    pub replication: Option<BTreeMap<String, u32>>,
    /// The data centre whose nodes are asked.
    pub datacenter: Option<String>,
    /// Whose majority decides.
    pub consistency: Consistency,
    /// Who logs in.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// With it connections speak TLS: the certificates of who signs the nodes' certificates, PEM.
    pub tls_ca: Option<PathBuf>,
    /// The certificate chain that this server shows to the nodes, PEM.
    pub tls_certificate: Option<PathBuf>,
    /// Its private key, PEM.
    pub tls_key: Option<PathBuf>,
    /// How long one statement may take.
    pub timeout: Span,
    /// The most statements under way at once.
    pub max_in_flight: u32,
}

/// Whose majority of a row's replicas decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consistency {
    /// That of the data centre that is asked.
    #[default]
    LocalQuorum,
    /// That of all data centres.
    Quorum,
}

/// A word that is never printed.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

impl Default for Scylla {
    fn default() -> Self {
        Self {
            contact_points: vec!["127.0.0.1:9042".to_owned()],
            keyspace: "playhouse".to_owned(),
            replication_factor: 3,
            replication: None,
            datacenter: None,
            consistency: Consistency::LocalQuorum,
            user: None,
            password: None,
            tls_ca: None,
            tls_certificate: None,
            tls_key: None,
            timeout: Span::seconds(5),
            max_in_flight: 1_024,
        }
    }
}

impl Scylla {
    /// What the back end is opened with.
    pub fn options(&self) -> CqlOptions {
        let credentials = self.user.clone().zip(self.password.clone());
        let identity = self.tls_certificate.clone().zip(self.tls_key.clone());
        let identity = identity.map(|(certificate, key)| Identity { certificate, key });
        CqlOptions {
            credentials: credentials.map(|(user, Secret(password))| Credentials { user, password }),
            tls: self.tls_ca.clone().map(|ca| Tls { ca, identity }),
            datacenter: self.datacenter.clone(),
            replication: match &self.replication {
                Some(datacenters) => Replication::Datacenters(datacenters.clone()),
                None => Replication::Factor(self.replication_factor),
            },
            consistency: match self.consistency {
                Consistency::LocalQuorum => Quorum::Local,
                Consistency::Quorum => Quorum::Global,
            },
            statement_timeout: self.timeout.duration(),
            max_in_flight: self.max_in_flight,
            ..CqlOptions::new(self.contact_points.clone(), &self.keyspace)
        }
    }

    /// What cannot be, by key.
    pub(super) fn problems(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        if let Err(error) = self.options().check() {
            found.push((format!("scylla.{}", error.setting), error.reason));
        }
        let pairs = [
            (("user", self.user.is_some()), ("password", self.password.is_some())),
            (("tls_certificate", self.tls_certificate.is_some()), ("tls_key", self.tls_key.is_some())),
        ];
        for (one, other) in pairs {
            for ((key, is_set), (missing, is_there)) in [(one, other), (other, one)] {
                if is_set && !is_there {
                    found.push((format!("scylla.{key}"), format!("needs `{missing}` beside it")));
                }
            }
        }
        if self.tls_certificate.is_some() && self.tls_ca.is_none() {
            let reason = "has no effect without `tls_ca`, which turns TLS on".to_owned();
            found.push(("scylla.tls_certificate".to_owned(), reason));
        }
        found
    }
}
