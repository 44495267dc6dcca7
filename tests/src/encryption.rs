//! Keys as a client's encryption publishes them.

use crate::{TestKey, User, Value, json};

/// Any 32 bytes are a Curve25519 key.
pub const CURVE_KEY: &str = "WGZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY";

impl User {
    /// Identity keys of the device, signed by it.
    pub fn device_keys(&self) -> Value {
        let (key, device) = (TestKey::new(1), &self.device);
        let keys = json!({
            "user_id": self.id, "device_id": device, "algorithms": ["m.olm.v1.curve25519-aes-sha2"],
            "keys": { format!("ed25519:{device}"): key.public(), format!("curve25519:{device}"): CURVE_KEY },
        });
        key.sign(keys, &self.id, device)
    }

    /// A cross-signing key of the user, unsigned.
    pub fn cross_signing_key(&self, usage: &str, key: &TestKey) -> Value {
        let public = key.public();
        json!({ "user_id": self.id, "usage": [usage], "keys": { format!("ed25519:{public}"): public } })
    }

    /// Uploads keys of the device.
    pub async fn uploads_keys(&self, keys: Value) -> Value {
        self.post("/v3/keys/upload", keys).await.ok()
    }

    /// All keys of a user, as this one may see them.
    pub async fn queries_keys(&self, user_id: &str) -> Value {
        self.post("/v3/keys/query", json!({ "device_keys": { user_id: [] } })).await.ok()
    }

    /// A one-time key of another's device; null where there is none.
    pub async fn claims_key(&self, target: &Self) -> Value {
        let wish = json!({ "one_time_keys": { &target.id: { &target.device: "signed_curve25519" } } });
        self.post("/v3/keys/claim", wish).await.ok()["one_time_keys"][&target.id][&target.device].clone()
    }
}

/// One-time keys with these numbers.
pub fn one_time_keys(range: std::ops::Range<u32>) -> Value {
    let key = |n: u32| {
        (format!("signed_curve25519:AAA{n:03}"), json!({ "key": format!("{n:042}A"), "signatures": {} }))
    };
    range.map(key).collect::<serde_json::Map<_, _>>().into()
}
