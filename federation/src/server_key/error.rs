//! Why there is no usable signing key.

use std::{io, path::PathBuf};

/// A fault of the signing key. All but [`Self::NotSignable`] stop the start of the server; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ServerKeyError {
    /// The file cannot be read or written.
    #[error("cannot {action} the signing key {}: {source}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The file has no key. It may be what is left of one, so it is not overwritten.
    #[error(
        "the signing key {} is empty: restore it from a backup, or remove it to take on a new identity",
        path.display()
    )]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A line of the file is not a key.
    #[error("line {line} of the signing key {} is not `ed25519 <version> <seed in base64>`: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line's number, from 1.
        line: usize,
        /// What is wrong with it. Never a part of the secret.
        reason: &'static str,
    },
    /// The key does not verify what it signs.
    #[error("the signing key {id} failed its self-test: it cannot be used")]
    SelfTest {
        /// The key.
        id: String,
    },
    /// The object cannot be signed: its `signatures` is not an object of objects.
    #[error("the JSON object cannot be signed")]
    NotSignable,
}
