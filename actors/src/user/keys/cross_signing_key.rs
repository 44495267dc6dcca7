//! A cross-signing key, as a client uploads it.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#cross-signing>

use ruma::{
    UserId,
    encryption::{CrossSigningKey, KeyUsage},
};
use serde_json::value::RawValue;

use super::signed::{PublicKey, SignedObject};
use crate::user::UserError;

/// The most bytes of a cross-signing key.
pub const MOST_KEY_BYTES: usize = 32 << 10;

/// What a cross-signing key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Usage {
    /// The user's identity; signs the other two.
    Master,
    /// Signs the user's devices.
    SelfSigning,
    /// Signs the master keys of others.
    UserSigning,
}

impl Usage {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Master, Self::SelfSigning, Self::UserSigning];

    /// The name that the specification gives it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::SelfSigning => "self_signing",
            Self::UserSigning => "user_signing",
        }
    }

    fn is_among(self, usage: &[KeyUsage]) -> bool {
        usage.iter().any(|usage| usage.as_str() == self.name())
    }
}

/// A cross-signing key that was checked.
#[derive(Debug, Clone)]
pub struct CheckedKey {
    /// What it is for.
    pub usage: Usage,
    /// As uploaded.
    pub raw: Box<RawValue>,
    /// The public half in base64, which is its id too.
    pub public: String,
    key: PublicKey,
    object: SignedObject,
}

impl CheckedKey {
    /// Checks a key of `user`, all but who signed it.
    ///
    /// # Errors
    /// [`UserError::Malformed`], [`UserError::Invalid`], [`UserError::TooLarge`].
    pub fn check(raw: Box<RawValue>, usage: Usage, user: &UserId) -> Result<Self, UserError> {
        let name = usage.name();
        if raw.get().len() > MOST_KEY_BYTES {
            return Err(UserError::TooLarge("a cross-signing key may have 32 KiB".into()));
        }
        let parsed: CrossSigningKey = serde_json::from_str(raw.get())
            .map_err(|error| UserError::Malformed(format!("this is no {name} key: {error}")))?;
        if parsed.user_id != user {
            return Err(UserError::Invalid("a cross-signing key must name its owner".into()));
        }
        if !usage.is_among(&parsed.usage) {
            return Err(UserError::Invalid(format!("the usage of the {name} key does not say {name}")));
        }
        let mut keys = parsed.keys.iter();
        let (Some((key_id, public)), None) = (keys.next(), keys.next()) else {
            return Err(UserError::Invalid(format!("the {name} key must hold exactly one key")));
        };
        let key = PublicKey::decode(public).filter(|_| key_id.as_str() == key_id_of(public));
        let key = key.ok_or_else(|| UserError::Invalid(format!("the {name} key must be an Ed25519 key")))?;
        Ok(Self { usage, public: public.clone(), key, object: SignedObject::parse(&raw)?, raw })
    }

    /// The id by which its signatures go.
    pub fn key_id(&self) -> String {
        key_id_of(&self.public)
    }

    /// The public half.
    pub const fn public_key(&self) -> &PublicKey {
        &self.key
    }

    /// What the signatures of the key are over.
    pub const fn object(&self) -> &SignedObject {
        &self.object
    }

    /// Checks that the user's master key signed this one.
    ///
    /// # Errors
    /// [`UserError::InvalidSignature`].
    pub fn must_be_signed_by(&self, master: &Self, user: &UserId) -> Result<(), UserError> {
        let signature = self.object.signature(user, &master.key_id());
        if signature.is_some_and(|signature| self.object.is_signed(signature, &master.key)) {
            return Ok(());
        }
        let name = self.usage.name();
        Err(UserError::InvalidSignature(format!("the {name} key is not signed by the master key")))
    }
}

fn key_id_of(public: &str) -> String {
    format!("ed25519:{public}")
}

#[cfg(test)]
mod tests {
    use ruma::user_id;
    use serde_json::{Value, json};

    use super::*;
    use crate::user::testing::{SigningKey, raw};

    fn check(key: &Value, usage: Usage) -> Result<CheckedKey, UserError> {
        CheckedKey::check(raw(key), usage, user_id!("@alice:test"))
    }

    #[test]
    fn the_master_key_vouches_for_the_others() {
        let (master_key, other) = (SigningKey::new(1), SigningKey::new(2));
        let alice = user_id!("@alice:test");
        let master = check(&master_key.cross_signing("@alice:test", "master"), Usage::Master).unwrap();
        let mut signed = other.cross_signing("@alice:test", "self_signing");
        let unsigned = check(&signed, Usage::SelfSigning).unwrap();
        master_key.sign(&mut signed, "@alice:test", &master_key.public());
        let signed_by_master = check(&signed, Usage::SelfSigning).unwrap();

        assert!(signed_by_master.must_be_signed_by(&master, alice).is_ok());
        assert!(matches!(unsigned.must_be_signed_by(&master, alice), Err(UserError::InvalidSignature(_))));
        let another = SigningKey::new(3).cross_signing("@alice:test", "master");
        let another = check(&another, Usage::Master).unwrap();
        assert!(matches!(
            signed_by_master.must_be_signed_by(&another, alice),
            Err(UserError::InvalidSignature(_))
        ));
    }

    #[test]
    fn a_key_must_be_what_it_says() {
        let good = SigningKey::new(1).cross_signing("@alice:test", "master");
        assert!(check(&good, Usage::Master).is_ok());
        assert!(matches!(check(&good, Usage::UserSigning), Err(UserError::Invalid(_))));

        let bad = [
            ("user_id", json!("@bob:test")),
            ("usage", json!([])),
            ("keys", json!({})),
            ("keys", json!({ "ed25519:AAAA": "AAAA" })),
            ("keys", json!({ "ed25519:other": SigningKey::new(1).public() })),
            ("keys", json!({ "ed25519:a": "AAAA", "ed25519:b": "AAAA" })),
        ];
        for (field, value) in bad {
            let mut key = good.clone();
            key[field] = value;
            assert!(matches!(check(&key, Usage::Master), Err(UserError::Invalid(_))), "{key}");
        }
        for field in ["user_id", "usage", "keys"] {
            let mut key = good.clone();
            key[field] = json!(7);
            assert!(matches!(check(&key, Usage::Master), Err(UserError::Malformed(_))), "{field}");
        }
    }
}
