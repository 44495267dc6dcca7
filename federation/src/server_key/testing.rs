//! Keys for tests, without a file.

use ed25519_dalek::VerifyingKey;

use super::*;

/// A server's key, `ed25519:auto`, made from its name; and its public half.
pub(crate) fn key_of(server: &ServerName) -> (ServerKey, VerifyingKey) {
    named_key_of(server, "ed25519:auto")
}

/// A key of another id.
pub(crate) fn named_key_of(server: &ServerName, id: &str) -> (ServerKey, VerifyingKey) {
    let mut seed = [1; 32];
    for (place, byte) in seed.iter_mut().zip(server.as_bytes().iter().chain(id.as_bytes()).cycle()) {
        *place ^= byte;
    }
    let key = SigningKey::from_bytes(&seed);
    let verifying = key.verifying_key();
    let current = NamedKey { id: id.to_owned(), key };
    (ServerKey { server_name: server.to_owned(), current, others: Vec::new() }, verifying)
}
