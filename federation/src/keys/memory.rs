//! What is to be remembered of other servers' keys over a restart.

use std::fmt;

use async_trait::async_trait;
use ruma::ServerName;
use serde_json::value::RawValue;

/// Remembers what servers published, whoever keeps it.
#[async_trait]
pub trait KeyMemory: Send + Sync + fmt::Debug {
    /// What was remembered last of a server.
    ///
    /// # Errors
    /// It cannot be read now.
    async fn recall(&self, server: &ServerName) -> Result<Option<Remembered>, MemoryError>;

    /// Remembers this in place of what was there.
    ///
    /// # Errors
    /// It may be lost.
    async fn remember(&self, server: &ServerName, what: Remembered) -> Result<(), MemoryError>;
}

/// A document and when it was fetched.
#[derive(Debug, Clone)]
pub struct Remembered {
    /// What the server published, byte by byte; up to [`super::MOST_DOCUMENT_BYTES`].
    pub document: Box<RawValue>,
    /// Milliseconds since 1970.
    pub fetched_ms: u64,
}

/// The memory does not answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("remembered keys: {0}")]
pub struct MemoryError(pub String);
