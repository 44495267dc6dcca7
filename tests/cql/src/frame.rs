//! As much of the CQL binary protocol, version 4, as it takes to tell one request from another.

use std::net::Ipv4Addr;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Version, flags, stream, opcode, length of the body.
const HEADER_BYTES: usize = 9;

const ERROR: u8 = 0x00;
const STARTUP: u8 = 0x01;
const SUPPORTED: u8 = 0x06;
const RESULT: u8 = 0x08;

/// The protocol's own limit of a body.
const MAX_BODY_BYTES: usize = 256 << 20;

/// One frame of either direction.
#[derive(Debug, Clone)]
pub struct Frame(Bytes);

impl Frame {
    /// The next frame, `None` when the connection ends.
    pub async fn read(from: &mut (impl AsyncRead + Unpin)) -> Option<Self> {
        let mut bytes = BytesMut::zeroed(HEADER_BYTES);
        from.read_exact(&mut bytes).await.ok()?;
        let body = (&bytes[5..]).get_u32() as usize;
        if body > MAX_BODY_BYTES {
            return None;
        }
        bytes.resize(HEADER_BYTES + body, 0);
        from.read_exact(&mut bytes[HEADER_BYTES..]).await.ok()?;
        Some(Self(bytes.freeze()))
    }

    /// The first request of a connection.
    pub fn startup() -> Self {
        const VERSION: &[u8] = b"\0\x01\0\x0bCQL_VERSION\0\x053.0.0";
        let header = [4, 0, 0, 0, STARTUP, 0, 0, 0, VERSION.len() as u8];
        Self([&header[..], VERSION].concat().into())
    }

    /// What ties an answer to its request.
    pub fn stream(&self) -> i16 {
        (&self.0[2..]).get_i16()
    }

    /// Whether it asks the server for rows, or to write some: `QUERY`, `EXECUTE` or `BATCH`.
    pub fn is_statement(&self) -> bool {
        matches!(self.0[4], 0x07 | 0x0A | 0x0D)
    }

    /// What an answer says went wrong, if it says so.
    pub fn error(&self) -> Option<String> {
        /// A code and the length of the text.
        const BEFORE_THE_TEXT: usize = HEADER_BYTES + 6;
        let is_error = self.0[4] == ERROR;
        is_error
            .then(|| String::from_utf8_lossy(self.0.get(BEFORE_THE_TEXT..).unwrap_or_default()).into_owned())
    }

    /// Whether the body holds these bytes.
    pub fn holds(&self, needle: &[u8]) -> bool {
        self.0[HEADER_BYTES..].windows(needle.len()).any(|window| window == needle)
    }

    /// An answer of the node as the proxy passes it on: without the offer to compress bodies, since traps look into
    /// them, and with the proxy's address for the node's own, since a driver connects to the address that it is told.
    pub fn told_by(self, proxy: Ipv4Addr, node: Ipv4Addr) -> Self {
        match self.0[4] {
            SUPPORTED => self.with(b"COMPRESSION", b"-OMPRESSION"),
            RESULT => self.with(&column(node), &column(proxy)),
            _ => self,
        }
    }

    /// With one text for another of the same length, wherever it stands.
    fn with(self, old: &[u8], new: &[u8]) -> Self {
        if !self.holds(old) {
            return self;
        }
        let mut bytes = BytesMut::from(&self.0[..]);
        for place in HEADER_BYTES..=bytes.len() - old.len() {
            if bytes[place..].starts_with(old) {
                bytes[place..place + new.len()].copy_from_slice(new);
            }
        }
        Self(bytes.freeze())
    }

    /// All of it, as it goes over the wire.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The first half of it.
    pub fn half(&self) -> &[u8] {
        &self.0[..self.0.len() / 2]
    }
}

/// An address as a column of a row has it: its length and its bytes.
fn column(address: Ipv4Addr) -> [u8; 8] {
    let [a, b, c, d] = address.octets();
    [0, 0, 0, 4, a, b, c, d]
}
