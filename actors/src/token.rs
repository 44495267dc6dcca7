//! Sync tokens: positions and nothing else (**I7**).
//!
//! A token says "everything at or below `base` was delivered, except that these few streams stand elsewhere": beyond
//! it, where they spoke while some slot still had a commit in flight; before it, where a response had no room for
//! all of them. It needs no row on the server, outlives restarts, and is authenticated, so that nobody can ask for
//! positions never issued.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// The most streams that a token names beside its base.
pub const MAX_EXCEPTIONS: usize = 64;

const VERSION: u8 = 1;
const MAC_BYTES: usize = 8;
const ENTRY_BYTES: usize = 16;
const HEADER_BYTES: usize = 9;

/// A stream's name within a token: a keyed hash of a room id, or of a user id for the user's own stream.
pub type StreamKey = [u8; 8];

/// A place in everything that a user can see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncToken {
    /// Everything at or below was delivered.
    pub base: i64,
    /// Streams that stand elsewhere, and where.
    pub exceptions: BTreeMap<StreamKey, i64>,
}

impl SyncToken {
    /// Up to where a stream was delivered.
    pub fn delivered(&self, stream: &StreamKey) -> i64 {
        self.exceptions.get(stream).copied().unwrap_or(self.base)
    }
}

/// The string is not a token of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token that this server issued")]
pub struct ForgedToken;

/// Makes and reads tokens with the server's secret.
#[derive(Clone)]
pub struct TokenCodec {
    secret: [u8; 32],
}

impl std::fmt::Debug for TokenCodec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenCodec")
    }
}

impl TokenCodec {
    /// A codec with a secret that every node of the server shares.
    pub const fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// The name of a room or user stream. Keyed, so that nobody can choose two rooms of one name.
    pub fn stream_key(&self, id: &str) -> StreamKey {
        let mut key = [0; 8];
        key.copy_from_slice(&self.mac(b"stream", id.as_bytes())[..8]);
        key
    }

    /// The token as clients carry it.
    pub fn encode(&self, token: &SyncToken) -> String {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + token.exceptions.len() * ENTRY_BYTES + MAC_BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(&token.base.to_be_bytes());
        for (stream, pos) in &token.exceptions {
            bytes.extend_from_slice(stream);
            bytes.extend_from_slice(&pos.to_be_bytes());
        }
        let mac = self.mac(b"token", &bytes);
        bytes.extend_from_slice(&mac[..MAC_BYTES]);
        format!("s{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads a token.
    ///
    /// # Errors
    /// [`ForgedToken`] for anything that [`Self::encode`] did not make with the same secret.
    pub fn decode(&self, token: &str) -> Result<SyncToken, ForgedToken> {
        let text = token.strip_prefix('s').ok_or(ForgedToken)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| ForgedToken)?;
        let body_len = bytes.len().checked_sub(MAC_BYTES).ok_or(ForgedToken)?;
        let (body, mac) = bytes.split_at(body_len);
        let genuine = bool::from(self.mac(b"token", body)[..MAC_BYTES].ct_eq(mac));
        if !genuine || body.len() < HEADER_BYTES || body[0] != VERSION {
            return Err(ForgedToken);
        }
        let exceptions = body[HEADER_BYTES..]
            .chunks_exact(ENTRY_BYTES)
            .map(|entry| {
                let (stream, pos) = entry.split_at(8);
                (stream.try_into().expect("8 bytes"), read_i64(pos))
            })
            .collect();
        Ok(SyncToken { base: read_i64(&body[1..HEADER_BYTES]), exceptions })
    }

    fn mac(&self, purpose: &[u8], message: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes keys of any length");
        mac.update(purpose);
        mac.update(message);
        mac.finalize().into_bytes().into()
    }
}

fn read_i64(bytes: &[u8]) -> i64 {
    i64::from_be_bytes(bytes.try_into().expect("8 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codec() -> TokenCodec {
        TokenCodec::new([7; 32])
    }

    #[test]
    fn a_token_survives_the_round_trip() {
        let exceptions = [([1; 8], 20), ([2; 8], 30)].into();
        let token = SyncToken { base: 10, exceptions };

        assert_eq!(codec().decode(&codec().encode(&token)), Ok(token));
    }

    #[test]
    fn a_changed_token_is_refused() {
        let encoded = codec().encode(&SyncToken { base: 10, exceptions: BTreeMap::new() });

        for at in 0..encoded.len() {
            let mut forged = encoded.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(codec().decode(&String::from_utf8(forged).unwrap()), Err(ForgedToken));
        }
        assert_eq!(TokenCodec::new([8; 32]).decode(&encoded), Err(ForgedToken));
        assert_eq!(codec().decode(""), Err(ForgedToken));
        assert_eq!(codec().decode("s"), Err(ForgedToken));
    }

    #[test]
    fn an_exception_stands_where_it_says_and_the_rest_at_the_base() {
        let token = SyncToken { base: 10, exceptions: [([1; 8], 20)].into() };

        assert_eq!(token.delivered(&[1; 8]), 20);
        assert_eq!(token.delivered(&[2; 8]), 10);
    }
}
