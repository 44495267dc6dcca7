//! What this server publishes about its own keys.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use ed25519_dalek::VerifyingKey;
use playhouse_rules::EventSigner as _;
use ruma::{CanonicalJsonObject, CanonicalJsonValue, Int};

use crate::{ServerKey, ServerKeyError};

/// For how long others may believe what they fetch now: long enough not to be asked often, short enough that a key that
/// was stolen and replaced is soon refused.
const VALID_FOR: Duration = Duration::from_hours(24);

/// A key that this server has signed with and does no more: with it others check our old events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldKey {
    id: String,
    key: String,
    expired_ms: u64,
}

/// What is wrong with an old key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidOldKey(String);

impl OldKey {
    /// The key `id` such as `ed25519:a_AbCd`, its public half in unpadded base64, and when it was last used.
    ///
    /// # Errors
    /// It is no such key.
    pub fn new(id: &str, key: &str, expired_ms: u64) -> Result<Self, InvalidOldKey> {
        let version = id.strip_prefix("ed25519:").filter(|version| !version.is_empty());
        if !version
            .is_some_and(|version| version.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
        {
            return Err(InvalidOldKey(format!("`{id}` is no key id; write \"ed25519:a_AbCd\"")));
        }
        let bytes =
            BASE64_STANDARD_NO_PAD.decode(key).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        if bytes.is_none_or(|bytes| VerifyingKey::from_bytes(&bytes).is_err()) {
            return Err(InvalidOldKey(format!("`{key}` is no public key: 32 bytes in unpadded base64")));
        }
        if Int::try_from(expired_ms).is_err() {
            return Err(InvalidOldKey(format!("{expired_ms} is no time in milliseconds since 1970")));
        }
        Ok(Self { id: id.to_owned(), key: key.to_owned(), expired_ms })
    }
}

/// The document about our keys, signed with each of them.
///
/// # Errors
/// Never in practice: a number beyond what JSON can hold.
///
/// Specification: <https://spec.matrix.org/v1.19/server-server-api/#publishing-keys>
pub fn published(
    key: &ServerKey,
    old: &[OldKey],
    now_ms: u64,
) -> Result<CanonicalJsonObject, ServerKeyError> {
    let verify_keys = key.verify_keys().map(|(id, key)| (id.to_owned(), object([("key", key.into())])));
    let old_keys = old.iter().map(|old| {
        let fields = [("expired_ts", milliseconds(old.expired_ms)), ("key", old.key.clone().into())];
        (old.id.clone(), object(fields))
    });
    let valid_until = milliseconds(now_ms.saturating_add(VALID_FOR.as_millis() as u64));
    let mut document = CanonicalJsonObject::from([
        ("old_verify_keys".to_owned(), CanonicalJsonValue::Object(old_keys.collect())),
        ("server_name".to_owned(), key.server_name().as_str().into()),
        ("valid_until_ts".to_owned(), valid_until),
        ("verify_keys".to_owned(), CanonicalJsonValue::Object(verify_keys.collect())),
    ]);
    key.sign_json_with_all(&mut document)?;
    Ok(document)
}

fn object<const N: usize>(fields: [(&str, CanonicalJsonValue); N]) -> CanonicalJsonValue {
    CanonicalJsonValue::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A time as JSON has it; the end of all time where it is beyond that.
fn milliseconds(ms: u64) -> CanonicalJsonValue {
    CanonicalJsonValue::Integer(Int::try_from(ms).unwrap_or(Int::MAX))
}
