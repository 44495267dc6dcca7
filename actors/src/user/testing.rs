//! The vocabulary of tests of the user stream: a server on a store in memory, its users, and their keys.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use ed25519_dalek::Signer as _;
use playhouse_storage::{
    Outcome, Store,
    backends::{Adversity, MemoryBackend, memory::MemoryDisk},
    store::put,
    tables::{Account, Device, account::AccountRow, device::DeviceRow},
};
use ruma::{CanonicalJsonObject, OwnedUserId, UserId, signatures::to_canonical_json_string_for_signing};
use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};

use super::{UserHandle, data::KeyCounts};
use crate::{Node, NodeConfig};

/// A server and what survives it.
pub struct World {
    disk: MemoryDisk,
    backend: MemoryBackend,
    folder: tempfile::TempDir,
    pub node: Arc<Node>,
}

impl World {
    /// A server on an empty store.
    pub async fn new() -> Self {
        Self::on(MemoryBackend::new(7, Adversity::none()).disk(), Adversity::none(), folder()).await
    }

    /// The server is killed; another starts on what is left of it, on a store that unhelpful.
    pub async fn killed_and_started(self, adversity: Adversity) -> Self {
        self.backend.crash();
        self.node.shutdown(Duration::from_millis(100)).await;
        Self::on(self.disk, adversity, self.folder).await
    }

    async fn on(disk: MemoryDisk, adversity: Adversity, folder: tempfile::TempDir) -> Self {
        let backend = MemoryBackend::open(&disk, adversity);
        let node = start(Store::new(backend.clone()), &folder).await;
        Self { disk, backend, folder, node }
    }

    /// A user with devices.
    pub async fn user(&self, name: &str, devices: &[&str]) -> OwnedUserId {
        add_user(&self.node, name, devices).await
    }

    /// The stream of a user.
    pub fn stream(&self, user: &UserId) -> UserHandle {
        self.node.users().handle(user)
    }

    /// What a sync of a device would say of its keys.
    pub async fn counts(&self, user: &UserId, device: &str) -> KeyCounts {
        let feed = self.node.users().feed(user).await.unwrap();
        feed.data().keys.get(device).map(|counts| KeyCounts::clone(counts)).unwrap_or_default()
    }

    /// Who a sync of the user between two positions would say changed keys.
    pub async fn changed_for(&self, reader: &UserId, since: i64) -> BTreeSet<OwnedUserId> {
        let changes = &self.node.users().context().device_changes;
        let found = changes.between(self.node.store(), since, i64::MAX, reader).await.unwrap();
        found.changed.into_iter().chain(found.signed).collect()
    }

    /// A position that every change until now is at or below.
    pub fn now(&self) -> i64 {
        self.node.clocks().closed().max(self.node.users().context().device_changes.newest())
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// A server on a store.
pub async fn start(store: Store, folder: &tempfile::TempDir) -> Arc<Node> {
    // A store that cuts writes off may need to be asked more than once.
    for _ in 0..50 {
        let config = NodeConfig::new("test".try_into().unwrap(), folder.path().join("signing.key"));
        if let Ok(node) = Node::start(store.clone(), config).await {
            return node;
        }
    }
    panic!("the server does not start");
}

/// A user with devices.
pub async fn add_user(node: &Node, name: &str, devices: &[&str]) -> OwnedUserId {
    let user: OwnedUserId = format!("@{name}:test").try_into().unwrap();
    let account = (user.as_str(),);
    let made =
        node.store().insert_if_absent::<Account>(account, (), &AccountRow::default(), Vec::new()).await;
    assert_eq!(made.unwrap(), Outcome::Applied);
    let stamp = node.clocks().stamp(user.as_str());
    let mut writes = Vec::new();
    for device in devices {
        let row = DeviceRow { display_name: Some(format!("{name}'s {device}")), ..DeviceRow::default() };
        writes.push(put::<Device>((user.as_str(),), (*device,), &row, stamp));
    }
    node.store().write(writes).await.unwrap();
    user
}

/// JSON as it comes in.
pub fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).unwrap()
}

/// A signing key, of a device or for cross-signing.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key grown from a seed.
    pub fn new(seed: u8) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(&[seed; 32]))
    }

    /// The public half in base64.
    pub fn public(&self) -> String {
        STANDARD_NO_PAD.encode(self.0.verifying_key().to_bytes())
    }

    /// Adds the signature of a user by this key, which goes by `name`: a device id or its public half.
    pub fn sign(&self, object: &mut Value, user: &str, name: &str) {
        let canonical: CanonicalJsonObject = serde_json::from_value(object.clone()).unwrap();
        let signed = to_canonical_json_string_for_signing(&canonical).unwrap();
        let signature = STANDARD_NO_PAD.encode(self.0.sign(signed.as_bytes()).to_bytes());
        object["signatures"][user][format!("ed25519:{name}")] = json!(signature);
    }

    /// The keys of a device with this key, signed by it.
    pub fn device_keys(&self, user: &str, device: &str) -> Value {
        let mut keys = json!({
            "user_id": user,
            "device_id": device,
            "algorithms": ["m.olm.v1.curve25519-aes-sha2"],
            "keys": { format!("ed25519:{device}"): self.public(), format!("curve25519:{device}"): self.public() },
        });
        self.sign(&mut keys, user, device);
        keys
    }

    /// A cross-signing key, not signed.
    pub fn cross_signing(&self, user: &str, usage: &str) -> Value {
        let public = self.public();
        json!({ "user_id": user, "usage": [usage], "keys": { format!("ed25519:{public}"): public } })
    }

    /// A cross-signing key that a master key signed.
    pub fn cross_signing_by(&self, user: &str, usage: &str, master: &Self) -> Value {
        let mut key = self.cross_signing(user, usage);
        master.sign(&mut key, user, &master.public());
        key
    }
}
