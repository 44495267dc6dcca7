//! One-time and fallback keys, as a client uploads them.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#one-time-and-fallback-keys>

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use ruma::{CanonicalJsonValue, encryption::OneTimeKey};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::user::UserError;

/// The most bytes of one key.
pub const MOST_KEY_BYTES: usize = 8 << 10;
/// The most bytes of a key's algorithm, and of its id.
const MOST_NAME_BYTES: usize = 255;

/// A key that was checked.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Its algorithm, `signed_curve25519` for instance.
    pub algorithm: String,
    /// Its id within the algorithm.
    pub key_id: String,
    /// The key as uploaded: an object, or a string.
    pub key: Box<RawValue>,
}

impl NewKey {
    /// Checks a key that was uploaded as `name`: algorithm, colon, id.
    ///
    /// # Errors
    /// [`UserError::Invalid`] for a bad name, [`UserError::Malformed`] for a bad key, [`UserError::TooLarge`].
    pub fn check(name: &str, key: Box<RawValue>) -> Result<Self, UserError> {
        let parts = name.split_once(':').filter(|(algorithm, key_id)| {
            [algorithm, key_id].iter().all(|part| (1..=MOST_NAME_BYTES).contains(&part.len()))
        });
        let (algorithm, key_id) = parts
            .ok_or_else(|| UserError::Invalid("a key's name is its algorithm, a colon and its id".into()))?;
        if key.get().len() > MOST_KEY_BYTES {
            return Err(UserError::TooLarge("a one-time key may have 8 KiB".into()));
        }
        let is_key = serde_json::from_str::<OneTimeKey>(key.get()).is_ok();
        if !is_key || serde_json::from_str::<CanonicalJsonValue>(key.get()).is_err() {
            return Err(UserError::Malformed(format!("{name} is neither a signed key nor a plain one")));
        }
        Ok(Self { algorithm: algorithm.to_owned(), key_id: key_id.to_owned(), key })
    }
}

/// Refuses fallback keys of which two have the same algorithm.
///
/// # Errors
/// [`UserError::Invalid`].
pub fn one_for_each_algorithm(keys: &[NewKey]) -> Result<(), UserError> {
    let algorithms: BTreeSet<&str> = keys.iter().map(|key| key.algorithm.as_str()).collect();
    if algorithms.len() == keys.len() {
        return Ok(());
    }
    Err(UserError::Invalid("there may be one fallback key for each algorithm".into()))
}

/// What a key is known by after it was handed out.
pub fn fingerprint(key: &RawValue) -> String {
    let canonical = serde_json::from_str::<CanonicalJsonValue>(key.get()).map(|key| key.to_string());
    STANDARD_NO_PAD.encode(Sha256::digest(canonical.as_deref().unwrap_or(key.get())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::user::testing::raw;

    #[test]
    fn a_key_is_an_object_with_signatures_or_a_string() {
        let signed = json!({ "key": "AAAA", "signatures": { "@alice:test": { "ed25519:PHONE": "AAAA" } } });

        let key = NewKey::check("signed_curve25519:AAAAHg", raw(&signed)).unwrap();
        assert_eq!((key.algorithm.as_str(), key.key_id.as_str()), ("signed_curve25519", "AAAAHg"));
        NewKey::check("curve25519:1", raw(&json!("AAAA"))).unwrap();

        for bad in [json!(7), json!([]), json!({}), json!({ "key": "AAAA" }), json!(null)] {
            let refusal = NewKey::check("signed_curve25519:1", raw(&bad));
            assert!(matches!(refusal, Err(UserError::Malformed(_))), "{bad}");
        }
    }

    #[test]
    fn a_name_needs_an_algorithm_and_an_id_of_bounded_length() {
        let long = "x".repeat(MOST_NAME_BYTES + 1);
        for name in ["", "x", ":", "x:", ":x", &format!("{long}:x"), &format!("x:{long}")] {
            assert!(matches!(NewKey::check(name, raw(&json!("AAAA"))), Err(UserError::Invalid(_))), "{name}");
        }
    }

    #[test]
    fn a_fingerprint_is_of_the_key_and_not_of_how_it_is_written() {
        let spaced = RawValue::from_string(r#"{ "b": 1, "a": "x" }"#.into()).unwrap();

        assert_eq!(fingerprint(&spaced), fingerprint(&raw(&json!({ "a": "x", "b": 1 }))));
        assert_ne!(fingerprint(&spaced), fingerprint(&raw(&json!({ "a": "y", "b": 1 }))));
    }

    #[test]
    fn two_fallback_keys_of_one_algorithm_are_refused() {
        let key = |name| NewKey::check(name, raw(&json!("AAAA"))).unwrap();

        assert!(one_for_each_algorithm(&[key("a:1"), key("b:1")]).is_ok());
        assert!(one_for_each_algorithm(&[key("a:1"), key("a:2")]).is_err());
    }
}
