//! The one path on which events from outside become [`Pdu`]s: format, signatures, content hash (**I13**).
//!
//! An event whose content is not what was hashed goes on redacted: it takes its place in the room all the same, and nothing
//! of what somebody changed in it is seen.
//!
//! Specification: <https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu>

use std::collections::{BTreeMap, HashMap, HashSet};

use futures_util::{StreamExt as _, stream};
use playhouse_rules::{Pdu, PduError, RoomVersion, redact::redacted};
use ruma::{
    CanonicalJsonObject, OwnedServerName, ServerName,
    serde::Base64,
    signatures::{PublicKeyMap, Verified, required_server_signatures_to_verify_event, verify_event},
};
use serde_json::value::RawValue;

use crate::{
    Federation,
    keys::{DatedKey, ServerKeys},
};

/// Servers whose keys are asked for at once for one batch.
const SERVERS_AT_ONCE: usize = 16;
/// The most signatures of one server that are looked at on one event.
const MOST_SIGNATURES: usize = 4;

/// Why an event is not taken.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It is no event of this room version.
    #[error(transparent)]
    Malformed(#[from] PduError),
    /// It is not signed as it must be.
    #[error("it is not signed as it must be: {0}")]
    Signature(String),
    /// There is no key to check a signature with. That may change: the event may be tried again.
    #[error("the keys of {0}, who should have signed it, cannot be had")]
    NoKey(OwnedServerName),
    /// This server stops, or has no thread to check it on.
    #[error("it could not be checked")]
    Interrupted,
}

/// The keys that a batch of events is checked with, by server and id.
type Keys = HashMap<(OwnedServerName, String), DatedKey>;

/// An event that has the right format, and who must have signed it with which keys.
struct Parsed {
    pdu: Pdu,
    object: CanonicalJsonObject,
    signatures: Vec<(OwnedServerName, Vec<String>)>,
}

impl Federation {
    /// Verifies one event.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub async fn verify(
        &self,
        version: &'static RoomVersion,
        event: Box<RawValue>,
    ) -> Result<Pdu, VerifyError> {
        self.verify_all(version, vec![event]).await.pop().unwrap_or(Err(VerifyError::Interrupted))
    }

    /// Verifies events of rooms of one version, on the pool for such work. One outcome for each, in the same order; a bad one
    /// harms no other.
    pub async fn verify_all(
        &self,
        version: &'static RoomVersion,
        events: Vec<Box<RawValue>>,
    ) -> Vec<Result<Pdu, VerifyError>> {
        let count = events.len();
        let interrupted = || (0..count).map(|_| Err(VerifyError::Interrupted)).collect();
        let parse = move || events.into_iter().map(|event| Parsed::read(version, event)).collect::<Vec<_>>();
        let Ok(parsed) = tokio::task::spawn_blocking(parse).await else { return interrupted() };
        let keys = self.keys_of(&parsed).await;
        let check = move || {
            let checked = parsed.into_iter().map(|event| event.and_then(|event| event.check(version, &keys)));
            checked.collect::<Vec<_>>()
        };
        tokio::task::spawn_blocking(check).await.unwrap_or_else(|_| interrupted())
    }

    /// The keys that these events are said to be signed with, as far as they can be had. Each is wanted valid for the newest
    /// of the events that bear it.
    async fn keys_of(&self, events: &[Result<Parsed, VerifyError>]) -> Keys {
        let mut wanted: BTreeMap<OwnedServerName, BTreeMap<String, u64>> = BTreeMap::new();
        for event in events.iter().flatten() {
            for (server, ids) in &event.signatures {
                for id in ids {
                    let newest = wanted.entry(server.clone()).or_default().entry(id.clone()).or_default();
                    *newest = event.signed_ms().max(*newest);
                }
            }
        }
        let found = stream::iter(wanted)
            .map(|(server, ids)| async move {
                let mut found = Vec::with_capacity(ids.len());
                for (id, newest_ms) in ids {
                    if let Some(key) = self.dated_key(&server, &id, newest_ms).await {
                        found.push(((server.clone(), id), key));
                    }
                }
                found
            })
            .buffer_unordered(SERVERS_AT_ONCE);
        found.flat_map(stream::iter).collect().await
    }

    async fn dated_key(&self, server: &ServerName, id: &str, at_ms: u64) -> Option<DatedKey> {
        if server == self.us() {
            let document = serde_json::value::to_raw_value(&self.published_keys().ok()?).ok()?;
            return ServerKeys::read(server, &document, (self.now)()).ok()?.dated(id);
        }
        let key = self.keys.dated_key(server, id, at_ms).await;
        key.inspect_err(|error| tracing::debug!(%server, %error, "no key for an event")).ok()
    }
}

impl Parsed {
    fn read(version: &'static RoomVersion, event: Box<RawValue>) -> Result<Self, VerifyError> {
        let pdu = Pdu::parse(version, event, None)?;
        let object: CanonicalJsonObject = serde_json::from_str(pdu.json().get())
            .map_err(|error| VerifyError::Signature(error.to_string()))?;
        let servers = required_server_signatures_to_verify_event(&object, &version.rules().signatures)
            .map_err(|error| VerifyError::Signature(error.to_string()))?;
        let signatures = servers.into_iter().map(|server| {
            let ids = key_ids(&object, &server);
            (server, ids)
        });
        Ok(Self { signatures: signatures.collect(), pdu, object })
    }

    fn signed_ms(&self) -> u64 {
        self.pdu.origin_server_ts().get().into()
    }

    fn check(self, version: &'static RoomVersion, keys: &Keys) -> Result<Pdu, VerifyError> {
        let enforces_validity = version.rules().enforce_key_validity;
        let mut usable = PublicKeyMap::new();
        for (server, ids) in &self.signatures {
            if ids.is_empty() {
                return Err(VerifyError::Signature(format!("{server} has not signed it")));
            }
            let known = ids.iter().filter_map(|id| Some((id, keys.get(&(server.clone(), id.clone()))?)));
            let valid = known.filter(|(_, key)| !enforces_validity || self.signed_ms() <= key.until_ms);
            let valid: BTreeMap<String, Base64> =
                valid.map(|(id, key)| (id.clone(), Base64::new(key.key.as_bytes().to_vec()))).collect();
            if valid.is_empty() {
                return Err(VerifyError::NoKey(server.clone()));
            }
            usable.insert(server.to_string(), valid);
        }
        match verify_event(&usable, &self.object, version.rules()) {
            Ok(Verified::All) => Ok(self.pdu),
            Ok(Verified::Signatures) => Ok(redacted(version, &self.pdu)?),
            Err(error) => Err(VerifyError::Signature(error.to_string())),
        }
    }
}

/// The ids of the keys with which a server is said to have signed.
fn key_ids(object: &CanonicalJsonObject, server: &ServerName) -> Vec<String> {
    let signatures =
        object.get("signatures").and_then(|all| all.as_object()?.get(server.as_str())?.as_object());
    let ids = signatures.into_iter().flat_map(CanonicalJsonObject::keys);
    let distinct: HashSet<&String> =
        ids.filter(|id| id.starts_with("ed25519:")).take(MOST_SIGNATURES).collect();
    distinct.into_iter().cloned().collect()
}
