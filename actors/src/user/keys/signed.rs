//! JSON with signatures.
//!
//! <https://spec.matrix.org/v1.19/appendices/#signing-json>

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, SigningKeyAlgorithm, UserId,
    serde::Base64,
    signatures::{to_canonical_json_string_for_signing, verify_canonical_json_bytes},
};
use serde_json::value::RawValue;

use crate::user::UserError;

/// The public half of an Ed25519 key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads a key from base64.
    pub fn decode(base64: &str) -> Option<Self> {
        let bytes: Base64 = Base64::parse(base64).ok()?;
        bytes.as_bytes().try_into().ok().map(Self)
    }
}

/// A JSON object that may carry signatures.
#[derive(Debug, Clone)]
pub struct SignedObject {
    object: CanonicalJsonObject,
    /// What the signatures are over: the canonical JSON without `signatures` and `unsigned`.
    signed: String,
}

impl SignedObject {
    /// Reads an object.
    ///
    /// # Errors
    /// [`UserError::Malformed`] for anything that has no canonical form: floats, integers beyond 2^53.
    pub fn parse(raw: &RawValue) -> Result<Self, UserError> {
        let malformed = || UserError::Malformed("a signed object must be canonical JSON".into());
        let object: CanonicalJsonObject = serde_json::from_str(raw.get()).map_err(|_| malformed())?;
        let signed = to_canonical_json_string_for_signing(&object).map_err(|_| malformed())?;
        Ok(Self { object, signed })
    }

    /// What the signatures are over.
    pub fn signed(&self) -> &str {
        &self.signed
    }

    /// The signatures of a user: key id and signature.
    pub fn signatures_of<'a>(&'a self, user: &UserId) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let signatures = self.object.get("signatures").and_then(CanonicalJsonValue::as_object);
        let of_user = signatures.and_then(|signatures| signatures.get(user.as_str())?.as_object());
        let pairs = of_user.into_iter().flatten();
        pairs.filter_map(|(key_id, signature)| Some((key_id.as_str(), signature.as_str()?)))
    }

    /// The signature of a user with one key.
    pub fn signature(&self, user: &UserId, key_id: &str) -> Option<&str> {
        self.signatures_of(user).find(|(id, _)| *id == key_id).map(|(_, signature)| signature)
    }

    /// Whether `signature` was made over this object with the private half of `key`.
    pub fn is_signed(&self, signature: &str, key: &PublicKey) -> bool {
        let Ok(signature) = Base64::<ruma::serde::base64::Standard, Vec<u8>>::parse(signature) else {
            return false;
        };
        let algorithm = SigningKeyAlgorithm::Ed25519;
        verify_canonical_json_bytes(&algorithm, &key.0, signature.as_bytes(), self.signed.as_bytes()).is_ok()
    }

    /// A string at the top of the object, within the object `field`.
    pub fn entry(&self, field: &str, key: &str) -> Option<&str> {
        self.object.get(field)?.as_object()?.get(key)?.as_str()
    }
}

/// Whether two JSON values are the same, however they are written.
pub fn same_json(a: &RawValue, b: &RawValue) -> bool {
    let canonical = |raw: &RawValue| serde_json::from_str::<CanonicalJsonValue>(raw.get()).ok();
    a.get() == b.get() || canonical(a).is_some_and(|a| canonical(b).is_some_and(|b| a == b))
}
