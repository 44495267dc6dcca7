//! Lookups: from a host to addresses, from a service to hosts.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
};

use async_trait::async_trait;
use hickory_resolver::{
    TokioResolver,
    config::{NameServerConfig, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::RData,
};

/// Answers kept in memory; each lives as long as its records say.
const MOST_CACHED: u64 = 8_192;

/// What looks names up.
#[async_trait]
pub trait Resolve: Send + Sync + fmt::Debug {
    /// The addresses of a host; none where it has no record.
    ///
    /// # Errors
    /// The name servers did not answer.
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupError>;

    /// The hosts of a service such as `_matrix-fed._tcp.example.org`; none where it has no record.
    ///
    /// # Errors
    /// The name servers did not answer.
    async fn services(&self, name: &str) -> Result<Vec<Service>, LookupError>;
}

/// A host that offers a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The host; empty where the record says that there is no such service.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Lower goes first.
    pub priority: u16,
    /// A higher one goes first more often, among those of one priority.
    pub weight: u16,
}

/// The name servers did not answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot look {name} up: {reason}")]
pub struct LookupError {
    /// What was looked up.
    pub name: String,
    /// What went wrong.
    pub reason: String,
}

/// The name servers of this machine.
pub struct Dns(TokioResolver);

impl Dns {
    /// As `/etc/resolv.conf` says; without it the name server on this machine, as the C library has it.
    ///
    /// # Errors
    /// That file cannot be used.
    pub fn of_the_machine() -> Result<Self, LookupError> {
        let unusable =
            |error: NetError| LookupError { name: "anything".to_owned(), reason: error.to_string() };
        let mut builder = TokioResolver::builder_tokio().unwrap_or_else(|error| {
            tracing::warn!(%error, "no usable /etc/resolv.conf: asking the name server on this machine");
            let here = NameServerConfig::udp_and_tcp(Ipv4Addr::LOCALHOST.into());
            let config = ResolverConfig::from_name_servers(vec![here]);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        });
        builder.options_mut().cache_size = MOST_CACHED;
        builder.build().map(Self).map_err(unusable)
    }
}

#[async_trait]
impl Resolve for Dns {
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        found(host, self.0.lookup_ip(absolute(host)).await.map(|found| found.iter().collect()))
    }

    async fn services(&self, name: &str) -> Result<Vec<Service>, LookupError> {
        let answer = self.0.srv_lookup(absolute(name)).await;
        let services =
            answer.map(|found| found.answers().iter().filter_map(|record| service(&record.data)).collect());
        found(name, services)
    }
}

impl fmt::Debug for Dns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dns")
    }
}

/// With the final dot: the search domains of this machine have no say in the names of other servers.
fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

fn service(data: &RData) -> Option<Service> {
    let RData::SRV(srv) = data else { return None };
    let host = srv.target.to_utf8().trim_end_matches('.').to_owned();
    Some(Service { host, port: srv.port, priority: srv.priority, weight: srv.weight })
}

fn found<T>(name: &str, answer: Result<Vec<T>, NetError>) -> Result<Vec<T>, LookupError> {
    match answer {
        Err(error) if error.is_no_records_found() || error.is_nx_domain() => Ok(Vec::new()),
        other => other.map_err(|error| LookupError { name: name.to_owned(), reason: error.to_string() }),
    }
}
