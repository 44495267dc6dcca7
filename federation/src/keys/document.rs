//! What a server publishes about its keys, checked.

use std::{collections::BTreeMap, time::Duration};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ed25519_dalek::{Signature, VerifyingKey};
use ruma::{CanonicalJsonObject, CanonicalJsonValue, ServerName};
use serde_json::value::RawValue;

/// The most bytes of a document: some hundred keys.
pub const MOST_DOCUMENT_BYTES: usize = 32 << 10;
/// The most current and the most old keys of one server.
const MOST_KEYS: usize = 16;
/// The most bytes of a key's id.
const MOST_ID_BYTES: usize = 128;
/// However long a server says that its keys are valid: an attacker who once had them cannot make them last.
const LONGEST_VALIDITY: Duration = Duration::from_hours(7 * 24);

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The keys of a server.
#[derive(Debug, Clone)]
pub struct ServerKeys {
    keys: BTreeMap<String, VerifyingKey>,
    valid_until_ms: u64,
    old_keys: BTreeMap<String, DatedKey>,
}

/// A key, and until when what was signed with it is to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatedKey {
    /// The key.
    pub key: VerifyingKey,
    /// Milliseconds since 1970; the last that counts.
    pub until_ms: u64,
}

/// Why a document is not to be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// More than [`MOST_DOCUMENT_BYTES`], or more than sixteen current or old keys.
    #[error("it is too large")]
    TooLarge,
    /// No canonical JSON, or without what it must have.
    #[error("`{0}` is missing or not what it should be")]
    Malformed(&'static str),
    /// It is another server's.
    #[error("it is of another server")]
    OtherServer,
    /// No key in it has signed it.
    #[error("none of its keys has signed it")]
    NotSigned,
}

impl ServerKeys {
    /// Reads what `server` published and we fetched at `fetched_ms`. Only keys that have signed it count.
    ///
    /// # Errors
    /// [`DocumentError`].
    ///
    /// Specification: <https://spec.matrix.org/v1.19/server-server-api/#publishing-keys>
    pub fn read(server: &ServerName, document: &RawValue, fetched_ms: u64) -> Result<Self, DocumentError> {
        if document.get().len() > MOST_DOCUMENT_BYTES {
            return Err(DocumentError::TooLarge);
        }
        let malformed = DocumentError::Malformed;
        let mut object: CanonicalJsonObject =
            serde_json::from_str(document.get()).map_err(|_| malformed("document"))?;
        let signatures = object.remove("signatures");
        object.remove("unsigned");
        let signed = serde_json::to_string(&object).map_err(|_| malformed("document"))?;

        match object.get("server_name") {
            Some(CanonicalJsonValue::String(name)) if name == server.as_str() => {}
            Some(CanonicalJsonValue::String(_)) => return Err(DocumentError::OtherServer),
            _ => return Err(malformed("server_name")),
        }
        let Some(CanonicalJsonValue::Integer(valid_until)) = object.get("valid_until_ts") else {
            return Err(malformed("valid_until_ts"));
        };
        let valid_until = u64::try_from(i64::from(*valid_until)).map_err(|_| malformed("valid_until_ts"))?;
        let Some(CanonicalJsonValue::Object(published)) = object.get("verify_keys") else {
            return Err(malformed("verify_keys"));
        };
        if published.len() > MOST_KEYS {
            return Err(DocumentError::TooLarge);
        }
        let has_signed = |id: &str, key: &VerifyingKey| {
            signature(signatures.as_ref(), server, id)
                .is_some_and(|signature| key.verify_strict(signed.as_bytes(), &signature).is_ok())
        };
        let keys = published.iter().filter_map(|(id, entry)| Some((id.clone(), verifying_key(id, entry)?)));
        let keys: BTreeMap<_, _> = keys.filter(|(id, key)| has_signed(id, key)).collect();
        if keys.is_empty() {
            return Err(DocumentError::NotSigned);
        }
        let old_keys = old_keys(object.get("old_verify_keys"))?;
        let longest = fetched_ms.saturating_add(LONGEST_VALIDITY.as_millis() as u64);
        Ok(Self { keys, valid_until_ms: valid_until.min(longest), old_keys })
    }

    /// A key by its id, whether still valid or not.
    pub fn key(&self, id: &str) -> Option<&VerifyingKey> {
        self.keys.get(id)
    }

    /// A key by its id, current or old.
    pub fn dated(&self, id: &str) -> Option<DatedKey> {
        let current = self.keys.get(id).map(|key| DatedKey { key: *key, until_ms: self.valid_until_ms });
        current.or_else(|| self.old_keys.get(id).copied())
    }

    /// Whether the keys are valid at that time.
    pub fn is_valid_until(&self, at_ms: u64) -> bool {
        at_ms < self.valid_until_ms
    }
}

/// The keys with which a server signs no more.
fn old_keys(published: Option<&CanonicalJsonValue>) -> Result<BTreeMap<String, DatedKey>, DocumentError> {
    let Some(CanonicalJsonValue::Object(published)) = published else { return Ok(BTreeMap::new()) };
    if published.len() > MOST_KEYS {
        return Err(DocumentError::TooLarge);
    }
    let old = |id: &str, entry: &CanonicalJsonValue| {
        let CanonicalJsonValue::Integer(expired) = entry.as_object()?.get("expired_ts")? else { return None };
        let until_ms = u64::try_from(i64::from(*expired)).ok()?;
        Some(DatedKey { key: verifying_key(id, entry)?, until_ms })
    };
    Ok(published.iter().filter_map(|(id, entry)| Some((id.clone(), old(id, entry)?))).collect())
}

/// A key, if it is of a kind that is spoken. Weak ones verify what nobody has signed.
fn verifying_key(id: &str, entry: &CanonicalJsonValue) -> Option<VerifyingKey> {
    if !id.starts_with("ed25519:") || id.len() > MOST_ID_BYTES {
        return None;
    }
    let bytes = LENIENT.decode(text(entry.as_object()?.get("key")?)?).ok()?;
    let key = VerifyingKey::from_bytes(&bytes.try_into().ok()?).ok()?;
    (!key.is_weak()).then_some(key)
}

fn signature(signatures: Option<&CanonicalJsonValue>, server: &ServerName, id: &str) -> Option<Signature> {
    let of_server = signatures?.as_object()?.get(server.as_str())?.as_object()?;
    let bytes = LENIENT.decode(text(of_server.get(id)?)?).ok()?;
    Signature::from_slice(&bytes).ok()
}

fn text(value: &CanonicalJsonValue) -> Option<&str> {
    match value {
        CanonicalJsonValue::String(text) => Some(text),
        _ => None,
    }
}
