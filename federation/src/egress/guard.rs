//! Which addresses a request of ours may go to.
//!
//! The names of other servers are chosen by strangers, and so are their DNS records and redirects. So what decides is the
//! address that a connection is made to, after every lookup.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// Lets through what is public, and what the operator allows.
pub struct Guard {
    allowed: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
}

/// Networks within IPv4 that are not the public internet, by address and length of prefix.
///
/// <https://www.iana.org/assignments/iana-ipv4-special-registry/>
const NOT_PUBLIC_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Networks within the global unicast range of IPv6 that are not the public internet: IETF protocols with Teredo in them,
/// and documentation.
///
/// <https://www.iana.org/assignments/iana-ipv6-special-registry/>
const NOT_PUBLIC_V6: [(Ipv6Addr, u32); 3] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// The global unicast range.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Networks whose addresses stand for one of IPv4, and how far right in them that is: mapped, compatible, NAT64, 6to4.
const TRANSLATED: [(Ipv6Addr, u32, u32); 4] = [
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, 0),
    (Ipv6Addr::UNSPECIFIED, 96, 0),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96, 0),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, 80),
];

impl Guard {
    /// Lets through what is public, and besides whatever `allowed` says.
    pub fn allowing(allowed: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self { allowed: Box::new(allowed) }
    }

    /// Whether a connection may be made to `address`.
    pub fn permits(&self, address: IpAddr) -> bool {
        if (self.allowed)(address) {
            return true;
        }
        match address {
            IpAddr::V4(v4) => !NOT_PUBLIC_V4.iter().any(|network| lies_in_v4(v4, *network)),
            IpAddr::V6(v6) => match translated(v6) {
                Some(v4) => self.permits(IpAddr::V4(v4)),
                None => {
                    lies_in_v6(v6, GLOBAL_V6) && !NOT_PUBLIC_V6.iter().any(|network| lies_in_v6(v6, *network))
                }
            },
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard")
    }
}

/// The address of IPv4 that packets to `address` reach in the end.
fn translated(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let network = TRANSLATED.iter().find(|(start, prefix, _)| lies_in_v6(address, (*start, *prefix)))?;
    let bits = (address.to_bits() >> network.2) & u128::from(u32::MAX);
    u32::try_from(bits).ok().map(Ipv4Addr::from_bits)
}

fn lies_in_v4(address: Ipv4Addr, (network, prefix): (Ipv4Addr, u32)) -> bool {
    (address.to_bits() ^ network.to_bits()).leading_zeros() >= prefix
}

fn lies_in_v6(address: Ipv6Addr, (network, prefix): (Ipv6Addr, u32)) -> bool {
    (address.to_bits() ^ network.to_bits()).leading_zeros() >= prefix
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn by_default(address: &str) -> bool {
        Guard::allowing(|_| false).permits(address.parse().unwrap())
    }

    #[test]
    fn nothing_but_the_public_internet_is_reached_by_default() {
        for address in [
            "127.0.0.1",
            "127.255.255.254",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.0.8",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "64:ff9b:1::1",
            "100::1",
            "3fff::1",
            "5f00::1",
        ] {
            assert!(!by_default(address), "{address}");
        }
        for address in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"] {
            assert!(by_default(address), "{address}");
        }
    }

    #[test]
    fn an_address_of_ipv4_in_the_clothes_of_ipv6_is_judged_as_what_it_is() {
        for address in [
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2002:c0a8:0101::1",
        ] {
            assert!(!by_default(address), "{address}");
        }
        for address in ["::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::1"] {
            assert!(by_default(address), "{address}");
        }
    }

    proptest! {
        #[test]
        fn an_allowed_network_opens_itself_and_nothing_else(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let guard = Guard::allowing(|address| matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 10));
            let expected = address.octets()[0] == 10 || by_default(&address.to_string());

            prop_assert_eq!(guard.permits(address.into()), expected);
            prop_assert_eq!(guard.permits(address.to_ipv6_mapped().into()), expected);
        }
    }
}
