//! From the name that answers for a server to hosts and ports to connect to.

use std::{cmp::Reverse, net::IpAddr};

use crate::egress::{ConnectError, Resolve, Service};

/// The port of the server-server API.
const DEFAULT_PORT: u16 = 8448;
/// The most hosts of one SRV record that are tried.
const MOST_SERVICES: usize = 8;

/// A host and a port to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// A host name or a literal address.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Where the server `host`, or `host:port`, is, in the order in which to try.
///
/// # Errors
/// The name servers did not answer, or say that there is no such service.
///
/// Specification: <https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names>, steps 1, 2 and 3.1 to 6
pub async fn targets(dns: &dyn Resolve, host: &str, port: Option<u16>) -> Result<Vec<Target>, ConnectError> {
    let itself = |port| vec![Target { host: host.to_owned(), port }];
    if let Some(port) = port {
        return Ok(itself(port));
    }
    if host.parse::<IpAddr>().is_ok() {
        return Ok(itself(DEFAULT_PORT));
    }
    for service in ["_matrix-fed._tcp", "_matrix._tcp"] {
        let found = dns.services(&format!("{service}.{host}")).await?;
        if !found.is_empty() {
            return in_order(host, found);
        }
    }
    Ok(itself(DEFAULT_PORT))
}

/// The lowest priority first; among equals by weight and chance, so that load is shared as the records ask.
fn in_order(host: &str, mut services: Vec<Service>) -> Result<Vec<Target>, ConnectError> {
    services.retain(|service| !service.host.is_empty());
    if services.is_empty() {
        return Err(ConnectError::NoAddress(host.to_owned()));
    }
    // The greatest of `u^(1/w)` belongs to each with a chance in proportion to its weight `w`.
    let chance = |weight: u16| rand::random::<f64>().powf(1.0 / (f64::from(weight) + 0.001));
    services
        .sort_by_cached_key(|service| (service.priority, Reverse((chance(service.weight) * 1e15) as u64)));
    let targets = services.into_iter().map(|service| Target { host: service.host, port: service.port });
    Ok(targets.take(MOST_SERVICES).collect())
}
