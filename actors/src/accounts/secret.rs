//! Tokens and their hashes.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::RngExt as _;
use sha2::{Digest as _, Sha256};

/// Longer texts are no tokens of ours.
pub(super) const MAX_TOKEN_BYTES: usize = 128;

/// What a token is for; its first letters say so, for people and for secret scanners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Access,
    Refresh,
    Login,
    Openid,
}

impl Kind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Access => "pha_",
            Self::Refresh => "phr_",
            Self::Login => "phl_",
            Self::Openid => "pho_",
        }
    }
}

/// A secret of 256 bits of chance.
#[derive(Clone)]
pub(super) struct Token(String);

impl Token {
    pub(super) fn new(kind: Kind) -> Self {
        Self(format!("{}{}", kind.prefix(), BASE64_URL_SAFE_NO_PAD.encode(random_bytes::<32>())))
    }

    pub(super) fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The SHA-256 of a token, in URL-safe base64: what the store holds in its place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TokenHash(String);

impl TokenHash {
    pub(super) fn of(token: &str) -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(token)))
    }

    pub(super) fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Ten capitals, as device ids look.
pub(super) fn random_device_id() -> String {
    random_text(10, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
}

/// A user name for those who gave none.
pub(super) fn random_localpart() -> String {
    random_text(12, b"abcdefghijkmnpqrstuvwxyz23456789")
}

fn random_text(length: usize, alphabet: &[u8]) -> String {
    let mut rng = rand::rng();
    let letter = || char::from(alphabet[rng.random_range(0..alphabet.len())]);
    std::iter::repeat_with(letter).take(length).collect()
}

fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    bytes
}
