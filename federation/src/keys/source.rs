//! Where the keys of other servers come from.

use async_trait::async_trait;
use ruma::{OwnedServerName, ServerName};
use serde_json::value::RawValue;

use crate::client::RequestError;

/// Who is asked for a server's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The server itself.
    Itself,
    /// A server that the operator trusts to tell the truth about others: it could impersonate any of them.
    Notary(OwnedServerName),
}

/// Asks for keys.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// What `from` says that `server` publishes, unchecked. One request.
    ///
    /// # Errors
    /// There is no answer.
    async fn fetch(&self, server: &ServerName, from: &Source) -> Result<Vec<Box<RawValue>>, RequestError>;
}
