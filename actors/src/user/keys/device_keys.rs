//! The identity keys of a device, as its client uploads them.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#device-keys>

use ruma::{DeviceId, UserId, encryption::DeviceKeys};
use serde_json::value::RawValue;

use super::signed::{PublicKey, SignedObject};
use crate::user::UserError;

/// The most bytes that the identity keys of a device may have.
pub const MOST_DEVICE_KEY_BYTES: usize = 32 << 10;

/// Device keys that were checked.
#[derive(Debug)]
pub struct CheckedDeviceKeys {
    /// As uploaded.
    pub raw: Box<RawValue>,
    /// What its signatures are over.
    pub signed: String,
}

/// The id of a device's signing key.
pub fn signing_key_id(device: &str) -> String {
    format!("ed25519:{device}")
}

/// Checks the keys that `device` of `user` uploads for itself.
///
/// A missing signature of the device's own is let through, as other servers do: every client checks it anyway and
/// ignores the device. A wrong one is not.
///
/// # Errors
/// [`UserError::Malformed`], [`UserError::Invalid`] for keys of another user or device,
/// [`UserError::InvalidSignature`], [`UserError::TooLarge`].
pub fn check(raw: Box<RawValue>, user: &UserId, device: &DeviceId) -> Result<CheckedDeviceKeys, UserError> {
    if raw.get().len() > MOST_DEVICE_KEY_BYTES {
        return Err(UserError::TooLarge("device keys may have 32 KiB".into()));
    }
    let keys: DeviceKeys = serde_json::from_str(raw.get())
        .map_err(|error| UserError::Malformed(format!("these are no device keys: {error}")))?;
    if keys.user_id != user || keys.device_id != device {
        return Err(UserError::Invalid("a device uploads its own keys only".into()));
    }
    if keys.keys.keys().any(|key_id| key_id.key_name() != device) {
        return Err(UserError::Invalid("the id of each device key must end with the device's id".into()));
    }
    let object = SignedObject::parse(&raw)?;
    let key_id = signing_key_id(device.as_str());
    let key = object.entry("keys", &key_id).and_then(PublicKey::decode);
    let key = key.ok_or_else(|| UserError::Invalid(format!("{key_id} must be an Ed25519 key")))?;
    let signature = object.signature(user, &key_id);
    if signature.is_some_and(|signature| !object.is_signed(signature, &key)) {
        return Err(UserError::InvalidSignature("the device's signature of its own keys is wrong".into()));
    }
    let signed = object.signed().to_owned();
    Ok(CheckedDeviceKeys { raw, signed })
}

#[cfg(test)]
mod tests {
    use ruma::{device_id, user_id};
    use serde_json::{Value, json};

    use super::*;
    use crate::user::testing::{SigningKey, raw};

    const DEVICE: &str = "PHONE";

    fn device_keys(key: &SigningKey) -> Value {
        key.device_keys("@alice:test", DEVICE)
    }

    fn verdict(keys: &Value) -> Result<CheckedDeviceKeys, UserError> {
        check(raw(keys), user_id!("@alice:test"), device_id!("PHONE"))
    }

    #[test]
    fn keys_signed_by_the_device_itself_are_taken() {
        verdict(&device_keys(&SigningKey::new(1))).unwrap();
    }

    #[test]
    fn a_missing_signature_is_let_through_and_a_wrong_one_is_not() {
        let mut keys = device_keys(&SigningKey::new(1));
        keys["signatures"] = json!({});
        verdict(&keys).unwrap();

        let mut keys = device_keys(&SigningKey::new(1));
        keys["algorithms"] = json!(["m.other"]);
        assert!(matches!(verdict(&keys), Err(UserError::InvalidSignature(_))));
    }

    #[test]
    fn what_is_added_in_unsigned_breaks_no_signature() {
        let mut keys = device_keys(&SigningKey::new(1));
        keys["unsigned"] = json!({ "device_display_name": "phone" });
        verdict(&keys).unwrap();
    }

    #[test]
    fn keys_of_another_user_or_device_are_refused() {
        for (field, value) in [("user_id", "@bob:test"), ("device_id", "LAPTOP")] {
            let mut keys = device_keys(&SigningKey::new(1));
            keys[field] = json!(value);
            assert!(matches!(verdict(&keys), Err(UserError::Invalid(_))), "{field}");
        }
        let mut keys = device_keys(&SigningKey::new(1));
        keys["keys"]["curve25519:LAPTOP"] = json!("AAAA");
        assert!(matches!(verdict(&keys), Err(UserError::Invalid(_))));
    }

    #[test]
    fn each_required_field_must_be_there_and_of_its_type() {
        for field in ["user_id", "device_id", "algorithms", "keys", "signatures"] {
            let mut keys = device_keys(&SigningKey::new(1));
            keys.as_object_mut().unwrap().remove(field);
            assert!(matches!(verdict(&keys), Err(UserError::Malformed(_))), "{field}");
            let mut keys = device_keys(&SigningKey::new(1));
            keys[field] = json!(7);
            assert!(matches!(verdict(&keys), Err(UserError::Malformed(_))), "{field}");
        }
    }

    #[test]
    fn floats_and_huge_keys_are_refused() {
        let mut keys = device_keys(&SigningKey::new(1));
        keys["extra"] = json!(1.5);
        assert!(matches!(verdict(&keys), Err(UserError::Malformed(_))));
        keys["extra"] = json!("x".repeat(MOST_DEVICE_KEY_BYTES));
        assert!(matches!(verdict(&keys), Err(UserError::TooLarge(_))));
    }
}
