//! Keys that sign, as a client's encryption has them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::{Value, json};

/// An Ed25519 key made from a number, so that tests repeat.
#[derive(Clone, Debug)]
pub struct TestKey(SigningKey);

impl TestKey {
    /// The same number makes the same key.
    pub fn new(number: u8) -> Self {
        Self(SigningKey::from_bytes(&[number; 32]))
    }

    /// The public half in unpadded base64.
    pub fn public(&self) -> String {
        STANDARD_NO_PAD.encode(self.0.verifying_key().as_bytes())
    }

    /// Whether `signature` over a JSON object is by the key whose public half, in unpadded base64, is `public`.
    pub fn verifies(object: &Value, public: &str, signature: &str) -> bool {
        let mut signed = object.clone();
        let fields = signed.as_object_mut().expect("an object");
        fields.remove("signatures");
        fields.remove("unsigned");
        let public = STANDARD_NO_PAD.decode(public).expect("base64");
        let key = VerifyingKey::from_bytes(&public.try_into().expect("32 bytes")).expect("a key");
        let signature = Signature::from_slice(&STANDARD_NO_PAD.decode(signature).expect("base64"));
        key.verify_strict(signed.to_string().as_bytes(), &signature.expect("64 bytes")).is_ok()
    }

    /// Adds a signature of `user_id` under `ed25519:{key_name}` to a JSON object.
    pub fn sign(&self, mut object: Value, user_id: &str, key_name: &str) -> Value {
        let mut signed = object.clone();
        let fields = signed.as_object_mut().expect("an object");
        fields.remove("signatures");
        fields.remove("unsigned");
        // Keys are sorted and nothing is escaped without need: this is canonical JSON already.
        let signature = STANDARD_NO_PAD.encode(self.0.sign(signed.to_string().as_bytes()).to_bytes());
        if object["signatures"].is_null() {
            object["signatures"] = json!({});
        }
        object["signatures"][user_id][format!("ed25519:{key_name}")] = signature.into();
        object
    }
}
