//! The keys of servers.
//!
//! | File | Holds |
//! |---|---|
//! | `document` | what a server publishes about its keys, checked |
//! | `memory` | what is to be remembered over a restart |
//! | `own` | what this server publishes |
//! | `slot` | what is known of one server, and when it may be asked again |
//! | `source` | where keys come from |
//!
//! A request that nobody has vouched for yet costs at most one request of ours: each attempt asks one source, the server
//! itself first and at the next attempt a notary. Of many who want the keys of one server one asks.
//!
//! Specification: <https://spec.matrix.org/v1.19/server-server-api/#retrieving-server-keys>

mod document;
mod memory;
mod own;
mod slot;
mod source;

#[cfg(test)]
mod tests;

use std::{fmt, num::NonZeroUsize, sync::Arc};

use ed25519_dalek::VerifyingKey;
use ruma::{OwnedServerName, ServerName};
use serde_json::value::RawValue;
use tokio::{sync::Semaphore, time::Instant};

use crate::{client::RequestError, metrics, slots::Slots};
use slot::Slot;

pub use document::{DatedKey, DocumentError, MOST_DOCUMENT_BYTES, ServerKeys};
pub use memory::{KeyMemory, MemoryError, Remembered};
pub use own::{InvalidOldKey, OldKey, published};
pub use source::{KeySource, Source};

/// The most servers whose keys are in memory; the others are read back from what is remembered.
const MOST_SERVERS: NonZeroUsize = NonZeroUsize::new(4_096).expect("not 0");
/// The most servers that are asked for keys at once.
const MOST_FETCHES: usize = 64;

/// Milliseconds since 1970.
pub type Now = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The keys of other servers.
pub struct KeyRing {
    source: Arc<dyn KeySource>,
    memory: Arc<dyn KeyMemory>,
    /// Whom to ask, in turn.
    sources: Vec<Source>,
    now: Now,
    slots: Slots<Slot>,
    fetches: Semaphore,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The server has no such key, as far as we know.
    #[error("{server} has no key {key_id}")]
    Unknown {
        /// The server.
        server: OwnedServerName,
        /// The key.
        key_id: String,
    },
    /// What we know of the server's keys is too old, and there is nothing newer.
    #[error("the keys of {server} are not valid any more, and no newer ones can be had")]
    Expired {
        /// The server.
        server: OwnedServerName,
    },
    /// The keys cannot be had; the next attempt asks another source or comes after a pause.
    #[error("the keys of {server} cannot be had: {reason}")]
    Unavailable {
        /// The server.
        server: OwnedServerName,
        /// What happened at the last attempt.
        reason: String,
    },
    /// [`MOST_FETCHES`] servers are being asked: try again.
    #[error("too many servers are being asked for their keys")]
    Busy,
    /// What is remembered cannot be read: try again.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

impl KeyRing {
    /// A ring that asks `source`, first each server itself and then each of `notaries`.
    pub fn new(
        source: Arc<dyn KeySource>,
        memory: Arc<dyn KeyMemory>,
        notaries: Vec<OwnedServerName>,
        now: Now,
    ) -> Self {
        let sources =
            std::iter::once(Source::Itself).chain(notaries.into_iter().map(Source::Notary)).collect();
        let fetches = Semaphore::new(MOST_FETCHES);
        Self { source, memory, sources, now, slots: Slots::new(MOST_SERVERS), fetches }
    }

    /// The key `key_id` of a server, if it is valid now. Asks at most one source.
    ///
    /// # Errors
    /// [`KeyError`]: what was signed with it is not to be believed.
    pub async fn verifying_key(&self, server: &ServerName, key_id: &str) -> Result<VerifyingKey, KeyError> {
        let slot = self.slots.of(server);
        let mut slot = slot.lock().await;
        self.recall(server, &mut slot).await?;
        if let Some(key) = slot.key(key_id, (self.now)()) {
            return Ok(key);
        }
        if slot.may_ask(Instant::now()) {
            self.ask(server, &mut slot).await?;
        }
        let now = (self.now)();
        slot.key(key_id, now).ok_or_else(|| slot.refusal(server, key_id, now))
    }

    /// The key `key_id` of a server, current or old, for something signed at `at_ms`: one that is valid then where that can be
    /// had, by asking one source at most; else what is known of it.
    ///
    /// # Errors
    /// [`KeyError`]: nothing is known of it.
    pub async fn dated_key(
        &self,
        server: &ServerName,
        key_id: &str,
        at_ms: u64,
    ) -> Result<DatedKey, KeyError> {
        let slot = self.slots.of(server);
        let mut slot = slot.lock().await;
        self.recall(server, &mut slot).await?;
        let known = slot.dated(key_id);
        if let Some(known) = known.filter(|known| at_ms <= known.until_ms) {
            return Ok(known);
        }
        if slot.may_ask(Instant::now()) {
            match (self.ask(server, &mut slot).await, known) {
                (Err(error), None) => return Err(error),
                (Err(_), Some(known)) => return Ok(known),
                (Ok(()), _) => {}
            }
        }
        slot.dated(key_id).ok_or_else(|| slot.refusal(server, key_id, (self.now)()))
    }

    /// What a server publishes about its keys, for those who ask us as their notary: valid until `valid_until_ms` at least
    /// where that can be had, with `may_ask` by asking one source; else the last that we know. And whether one was asked.
    ///
    /// # Errors
    /// What is remembered cannot be read.
    pub async fn document(
        &self,
        server: &ServerName,
        valid_until_ms: u64,
        may_ask: bool,
    ) -> Result<(Option<Box<RawValue>>, bool), KeyError> {
        let slot = self.slots.of(server);
        let mut slot = slot.lock().await;
        self.recall(server, &mut slot).await?;
        let wanted = valid_until_ms.max((self.now)());
        let asks = may_ask && !slot.is_valid_until(wanted) && slot.may_ask(Instant::now());
        if asks {
            match self.ask(server, &mut slot).await {
                Ok(()) | Err(KeyError::Unavailable { .. } | KeyError::Busy) => {}
                Err(error) => return Err(error),
            }
        }
        let remembered = self.memory.recall(server).await?;
        Ok((remembered.map(|remembered| remembered.document), asks))
    }

    /// Fills a new slot with what an earlier process or the slot before it has learnt.
    async fn recall(&self, server: &ServerName, slot: &mut Slot) -> Result<(), KeyError> {
        if slot.is_recalled() {
            return Ok(());
        }
        let remembered = self.memory.recall(server).await?;
        let keys = remembered.and_then(|remembered| {
            let read = ServerKeys::read(server, &remembered.document, remembered.fetched_ms);
            read.inspect_err(|error| tracing::warn!(%server, %error, "remembered keys cannot be used")).ok()
        });
        slot.recalls(keys);
        Ok(())
    }

    /// Asks the source whose turn it is.
    async fn ask(&self, server: &ServerName, slot: &mut Slot) -> Result<(), KeyError> {
        let _place = self.fetches.try_acquire().map_err(|_| KeyError::Busy)?;
        let source = slot.source(&self.sources);
        let fetched = self.fetched(server, source).await;
        metrics::keys_fetched(source, fetched.is_ok());
        let (keys, document) = match fetched {
            Ok(fetched) => fetched,
            Err(reason) => {
                tracing::debug!(%server, ?source, reason, "no keys");
                slot.failed(Instant::now(), self.sources.len(), reason.clone());
                return Err(KeyError::Unavailable { server: server.to_owned(), reason });
            }
        };
        let remembered = Remembered { document, fetched_ms: (self.now)() };
        slot.learns(keys, Instant::now());
        // They are good without: after a restart they are fetched again.
        if let Err(error) = self.memory.remember(server, remembered).await {
            tracing::warn!(%server, %error, "keys are not remembered");
        }
        Ok(())
    }

    /// The first usable document that a source hands out.
    async fn fetched(
        &self,
        server: &ServerName,
        source: &Source,
    ) -> Result<(ServerKeys, Box<RawValue>), String> {
        let documents =
            self.source.fetch(server, source).await.map_err(|error: RequestError| error.to_string())?;
        let mut reason = "there are none".to_owned();
        for document in documents {
            let now = (self.now)();
            match ServerKeys::read(server, &document, now) {
                Ok(keys) if keys.is_valid_until(now) => return Ok((keys, document)),
                Ok(_) => "they are not valid any more".clone_into(&mut reason),
                Err(error) => reason = error.to_string(),
            }
        }
        Err(reason)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("slots", &self.slots)
            .field("sources", &self.sources)
            .finish_non_exhaustive()
    }
}
