//! Whose address a request has: the other end of the connection, or what a trusted proxy says.

use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderMap, HeaderName};

use crate::config::Network;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A TCP peer.
    Address(IpAddr),
    /// A process of this machine through a unix socket: always a trusted proxy.
    Local,
}

impl Peer {
    /// The client's address. `X-Forwarded-For` is read from the right for as long as proxies are trusted: what stands
    /// further left, the client may have written.
    pub fn client_address(self, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
        let mut address = match self {
            Self::Address(address) => address.to_canonical(),
            Self::Local => IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let mut believed = self == Self::Local || is_trusted(address, trusted);
        let lines = headers.get_all(&X_FORWARDED_FOR).iter().rev().filter_map(|line| line.to_str().ok());
        for hop in lines.flat_map(|line| line.rsplit(',')) {
            let (true, Some(hop)) = (believed, parse(hop)) else { break };
            address = hop;
            believed = is_trusted(address, trusted);
        }
        address
    }
}

fn is_trusted(address: IpAddr, trusted: &[Network]) -> bool {
    trusted.iter().any(|network| network.contains(address))
}

/// An address as proxies write it: alone, in brackets, with a port.
fn parse(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let alone = hop.parse::<IpAddr>().or_else(|_| hop.trim_matches(['[', ']']).parse());
    let address = alone.or_else(|_| hop.parse().map(|with_port: std::net::SocketAddr| with_port.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn client(peer: &str, forwarded: &[&'static str]) -> String {
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(X_FORWARDED_FOR.clone(), HeaderValue::from_static(line));
        }
        let peer = peer.parse().map_or(Peer::Local, Peer::Address);
        peer.client_address(&headers, &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(client("192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(client("10.1.1.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("10.1.1.1", &[]), "10.1.1.1");
        assert_eq!(client("::ffff:10.1.1.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("unix", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("unix", &[]), "127.0.0.1");
    }

    #[test]
    fn what_the_client_wrote_before_the_proxy_is_not_believed() {
        assert_eq!(client("10.1.1.1", &["198.51.100.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("10.1.1.1", &["198.51.100.1", "203.0.113.9, 10.2.2.2"]), "203.0.113.9");
        assert_eq!(client("10.1.1.1", &["nonsense"]), "10.1.1.1");
    }

    #[test]
    fn proxies_write_addresses_in_several_ways() {
        assert_eq!(client("fd00::1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(client("fd00::1", &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(client("fd00::1", &["192.0.2.1:4711"]), "192.0.2.1");
    }
}
