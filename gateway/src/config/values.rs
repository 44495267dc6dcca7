//! Values with a notation of their own: sizes, spans of time, addresses, networks.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use playhouse_rules::RoomVersion;
use ruma::{OwnedServerName, RoomVersionId};
use serde::{Deserialize, Deserializer, de};

use super::PeerPattern;

/// A number of bytes: `512 MiB`, `2 GB`, or a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

impl ByteSize {
    /// So many times 1,048,576 bytes.
    pub const fn mib(n: u64) -> Self {
        Self(n << 20)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

const BYTE_UNITS: &[(&str, u64)] = &[
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KIB", 1 << 10),
    ("MIB", 1 << 20),
    ("GIB", 1 << 30),
];

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = with_unit(&text.to_uppercase(), BYTE_UNITS, 1);
        parsed
            .map(Self)
            .ok_or_else(|| format!("`{text}` is no size; write \"512 MiB\", \"2 GB\" or a number of bytes"))
    }
}

/// A span of time: `90 s`, `5 m`, `1 h`, `7 d`, or a plain number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u64);

impl Span {
    /// So many seconds.
    pub const fn seconds(n: u64) -> Self {
        Self(n)
    }

    /// So many hours.
    pub const fn hours(n: u64) -> Self {
        Self(n * 3_600)
    }

    /// The span as the standard library has it.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

const TIME_UNITS: &[(&str, u64)] = &[("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = with_unit(text, TIME_UNITS, 1);
        parsed.map(Self).ok_or_else(|| {
            format!("`{text}` is no span of time; write \"90 s\", \"5 m\", \"1 h\" or \"7 d\"")
        })
    }
}

/// A number and one of `units`, or a number alone.
fn with_unit(text: &str, units: &[(&str, u64)], alone: u64) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = (text[..digits].parse::<u64>().ok()?, text[digits..].trim());
    let factor = if unit.is_empty() { alone } else { units.iter().find(|(name, _)| *name == unit)?.1 };
    number.checked_mul(factor)
}

/// Where a listener listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A TCP socket.
    Tcp(SocketAddr),
    /// A unix socket at a path.
    Unix(PathBuf),
}

impl Address {
    /// A port that only this machine reaches.
    pub const fn loopback(port: u16) -> Self {
        Self::Tcp(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
    }

    /// Whether only this machine reaches it.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        let parsed = text.parse().map(Self::Tcp);
        parsed.map_err(|_| {
            format!("`{text}` is no address; write \"127.0.0.1:8008\", \"[::]:8448\" or \"unix:/run/playhouse.sock\"")
        })
    }
}

/// An address or a network: `10.0.0.0/8`, `::1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    /// Whether `address` lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                same_start(a.to_bits().into(), b.to_bits().into(), 32 - self.prefix)
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => same_start(a.to_bits(), b.to_bits(), 128 - self.prefix),
            _ => false,
        }
    }
}

fn same_start(a: u128, b: u128, free_bits: u32) -> bool {
    (a ^ b).checked_shr(free_bits).unwrap_or(0) == 0
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse =
            || format!("`{text}` is no network; write \"10.0.0.0/8\", \"192.0.2.7\" or \"fd00::/8\"");
        let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
        let address: IpAddr = address.parse().map_err(|_| refuse())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = if text.contains('/') { prefix.parse().map_err(|_| refuse())? } else { most };
        if prefix > most { Err(refuse()) } else { Ok(Self { address, prefix }) }
    }
}

/// Text, or a number that stands for the text.
#[derive(Deserialize)]
#[serde(untagged, expecting = "text or a whole number")]
enum Notation {
    Text(String),
    Number(u64),
}

fn parsed<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(deserializer: D) -> Result<T, D::Error> {
    let text = match Notation::deserialize(deserializer)? {
        Notation::Text(text) => text,
        Notation::Number(number) => number.to_string(),
    };
    text.parse().map_err(de::Error::custom)
}

macro_rules! deserialize_by_notation {
    ($($type:ty),+) => {
        $(impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                parsed(deserializer)
            }
        })+
    };
}

deserialize_by_notation!(ByteSize, Span, Address, Network, PeerPattern);

/// An address, or nothing for an empty text.
pub(super) fn optional_address<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Address>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(de::Error::custom) }
}

/// A room version that this server can make rooms of.
pub(super) fn room_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RoomVersionId, D::Error> {
    let text = String::deserialize(deserializer)?;
    let mut known = RoomVersion::SUPPORTED.iter().map(RoomVersion::id);
    known.clone().find(|version| version.as_str() == text).cloned().ok_or_else(|| {
        let all: Vec<&str> = known.by_ref().map(RoomVersionId::as_str).collect();
        de::Error::custom(format_args!(
            "`{text}` is no room version of this server; it has {}",
            all.join(", ")
        ))
    })
}

/// The server name of a server that nobody gave one.
pub(super) fn localhost() -> OwnedServerName {
    ruma::server_name!("localhost").to_owned()
}
