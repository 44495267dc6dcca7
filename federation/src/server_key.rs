//! The key that signs our events and requests, kept in a file of Synapse's format.
//!
//! | File | Holds |
//! |---|---|
//! | `file` | the file: its lines, and writing it so that it is whole or absent |
//! | `error` | why there is no usable key |
//!
//! The key *is* the server's identity: with a new one under an old name, other servers refuse what we sent before.
//! So the file is created only where there is none, and anything wrong with it stops the start.
//!
//! Specification: <https://spec.matrix.org/v1.19/server-server-api/#retrieving-server-keys>

mod error;
mod file;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::{fmt, path::Path};

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};
use playhouse_rules::EventSigner;
use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, OwnedServerName, ServerName,
    canonical_json::CanonicalJsonObjectExt,
};

pub use self::error::ServerKeyError;

/// Whether [`ServerKey::load_or_create`] made a new key: say so loudly, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// There was no file: this server has a new identity.
    Yes,
    /// The file was there.
    No,
}

/// The server's signing keys: the current one signs, the others are only published.
pub struct ServerKey {
    server_name: OwnedServerName,
    current: NamedKey,
    others: Vec<NamedKey>,
}

/// A key with its id.
struct NamedKey {
    /// `ed25519:a_AbCd`
    id: String,
    key: SigningKey,
}

impl ServerKey {
    /// Loads the keys in the file at `path`, or creates the file with one new key.
    ///
    /// Blocks on the disk: call it at the start, before there is a runtime to hold up.
    ///
    /// # Errors
    /// There is no usable key. The server must not start: see [`ServerKeyError`].
    pub fn load_or_create(
        path: &Path,
        server_name: OwnedServerName,
    ) -> Result<(Self, Created), ServerKeyError> {
        let (keys, created) = match file::read(path)? {
            Some(keys) => (keys, Created::No),
            // Two processes that start at once must agree: what is on the disk after the attempt is the key.
            None if file::create(path)? => (file::read_back(path)?, Created::Yes),
            None => (file::read_back(path)?, Created::No),
        };
        let mut keys = keys.into_iter();
        let current = keys.next().ok_or_else(|| ServerKeyError::Empty { path: path.to_owned() })?;
        let key = Self { server_name, current, others: keys.collect() };
        key.self_test()?;
        Ok((key, created))
    }

    /// The current key's public half, in unpadded base64, as it is published.
    pub fn verify_key_base64(&self) -> String {
        self.current.verify_key_base64()
    }

    /// Every key of the file, current first: its id and its public half in unpadded base64.
    pub fn verify_keys(&self) -> impl Iterator<Item = (&str, String)> {
        std::iter::once(&self.current)
            .chain(&self.others)
            .map(|named| (&*named.id, named.verify_key_base64()))
    }

    /// Signs an object that is not an event (a request, a key list) and adds the signature to its `signatures`.
    ///
    /// # Errors
    /// `signatures` is there and is no object of objects: what a peer sent must not be signed then.
    ///
    /// Specification: <https://spec.matrix.org/v1.19/appendices/#signing-json>
    pub fn sign_json(&self, object: &mut CanonicalJsonObject) -> Result<(), ServerKeyError> {
        self.sign_json_with(&self.current, object)
    }

    /// As [`sign_json`](Self::sign_json), with every key of the file: what publishes them must prove that we have them.
    ///
    /// # Errors
    /// As there.
    pub fn sign_json_with_all(&self, object: &mut CanonicalJsonObject) -> Result<(), ServerKeyError> {
        let mut keys = std::iter::once(&self.current).chain(&self.others);
        keys.try_for_each(|key| self.sign_json_with(key, object))
    }

    fn sign_json_with(&self, key: &NamedKey, object: &mut CanonicalJsonObject) -> Result<(), ServerKeyError> {
        let unsigned = object.remove("unsigned");
        let signatures = object.remove("signatures");
        let text = serde_json::to_string(object);
        for (field, value) in [("unsigned", unsigned), ("signatures", signatures)] {
            if let Some(value) = value {
                object.insert(field.to_owned(), value);
            }
        }
        let signature = key.key.sign(text.map_err(|_| ServerKeyError::NotSignable)?.as_bytes());
        let signature = CanonicalJsonValue::String(BASE64_STANDARD_NO_PAD.encode(signature.to_bytes()));
        object
            .get_as_object_or_insert_default("signatures", "signatures")
            .and_then(|all| all.get_as_object_or_insert_default(self.server_name.as_str(), "signatures"))
            .map_err(|_| ServerKeyError::NotSignable)?
            .insert(key.id.clone(), signature);
        Ok(())
    }

    /// A key that cannot verify its own signature would poison every room that we send to.
    fn self_test(&self) -> Result<(), ServerKeyError> {
        const MESSAGE: &[u8] = b"playhouse signing self-test";
        for named in std::iter::once(&self.current).chain(&self.others) {
            let verifying = named.key.verifying_key();
            if verifying.is_weak() || verifying.verify_strict(MESSAGE, &named.key.sign(MESSAGE)).is_err() {
                return Err(ServerKeyError::SelfTest { id: named.id.clone() });
            }
        }
        Ok(())
    }
}

impl NamedKey {
    fn verify_key_base64(&self) -> String {
        BASE64_STANDARD_NO_PAD.encode(self.key.verifying_key().as_bytes())
    }
}

impl EventSigner for ServerKey {
    fn server_name(&self) -> &ServerName {
        &self.server_name
    }

    fn key_id(&self) -> &str {
        &self.current.id
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.current.key.sign(message).to_bytes()
    }
}

/// Without the secret.
impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerKey")
            .field("server_name", &self.server_name)
            .field("key_id", &self.current.id)
            .finish_non_exhaustive()
    }
}
