//! What a user, or another server, may see of the keys of our users.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysquery>

use std::collections::{BTreeMap, BTreeSet};

use playhouse_storage::{
    IntoKey as _, Key, Store, StoreError,
    tables::{Account, CrossSigningKey, Device, DeviceKey, KeySignature, key_signature::KeySignatureRow},
};
use ruma::{OwnedDeviceId, OwnedServerName, OwnedUserId, UserId};
use serde_json::{
    Map, Value,
    value::{RawValue, to_raw_value},
};

use super::cross_signing_key::Usage;
use crate::user::UserError;

/// The most users that one query may name.
pub const MOST_USERS: usize = 5_000;

/// Whose keys are asked for.
#[derive(Debug, Clone)]
pub struct KeyQuery<'a> {
    /// The store.
    pub store: &'a Store,
    /// Who asks; `None` for another server.
    pub asker: Option<&'a UserId>,
    /// Whether what people call their devices is told.
    pub with_names: bool,
}

/// The users that a query names, each with the devices asked for; none means all.
pub type QueriedUsers = BTreeMap<OwnedUserId, Vec<OwnedDeviceId>>;

/// Keys, as clients get them.
#[derive(Debug, Default)]
pub struct QueriedKeys {
    /// Identity keys by user and device.
    pub devices: BTreeMap<OwnedUserId, BTreeMap<String, Box<RawValue>>>,
    /// Master keys by user.
    pub master: BTreeMap<OwnedUserId, Box<RawValue>>,
    /// Self-signing keys by user.
    pub self_signing: BTreeMap<OwnedUserId, Box<RawValue>>,
    /// The asker's own user-signing key.
    pub user_signing: BTreeMap<OwnedUserId, Box<RawValue>>,
    /// Servers that could not be asked.
    pub unreachable: BTreeSet<OwnedServerName>,
}

/// Signatures by target: signer, key id and signature.
type Signatures = BTreeMap<String, Vec<(String, String, String)>>;

impl KeyQuery<'_> {
    /// Looks the keys of local users up. Those that do not exist are left out.
    ///
    /// # Errors
    /// [`UserError::TooLarge`] beyond [`MOST_USERS`], [`UserError::Unavailable`].
    pub async fn run(&self, users: QueriedUsers) -> Result<QueriedKeys, UserError> {
        if users.len() > MOST_USERS {
            return Err(UserError::TooLarge(format!("one query may name {MOST_USERS} users")));
        }
        let mut found = QueriedKeys::default();
        for (user, devices) in existing(self.store, users).await? {
            tokio::task::consume_budget().await;
            if let Err(error) = self.add_user(&mut found, &user, &devices).await {
                let error = UserError::from(error);
                if matches!(error, UserError::Unavailable { .. }) {
                    return Err(error);
                }
                tracing::warn!(%error, "the keys of a user are left out of a query");
            }
        }
        Ok(found)
    }

    /// Adds the keys of one user: of the wanted devices, or of all.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn add_user(
        &self,
        found: &mut QueriedKeys,
        user: &UserId,
        wanted: &[OwnedDeviceId],
    ) -> Result<(), StoreError> {
        let signatures = self.signatures(user).await?;
        let devices = found.devices.entry(user.to_owned()).or_default();
        // A key without a device is left over from a removal that a crash cut short.
        let names = self.store.all::<Device>((user.as_str(),), ()).await?;
        let mut names: BTreeMap<String, Option<String>> =
            names.into_iter().map(|((device,), row)| (device, row.display_name)).collect();
        for ((device,), row) in self.store.all::<DeviceKey>((user.as_str(),), ()).await? {
            let asked = wanted.is_empty() || wanted.iter().any(|wanted| *wanted == *device);
            let Some(name) = names.remove(&device).filter(|_| asked) else { continue };
            let mut keys = self.signed(&row.keys, user, signatures.get(&device))?;
            let name = name.filter(|_| self.with_names);
            let name = name.map(|name| ("device_display_name".to_owned(), Value::String(name)));
            keys.insert("unsigned".to_owned(), Value::Object(name.into_iter().collect()));
            devices.insert(device, raw(&keys)?);
        }
        self.add_cross_signing(found, user, &signatures).await
    }

    async fn add_cross_signing(
        &self,
        found: &mut QueriedKeys,
        user: &UserId,
        signatures: &Signatures,
    ) -> Result<(), StoreError> {
        for ((usage,), row) in self.store.all::<CrossSigningKey>((user.as_str(),), ()).await? {
            let usage = Usage::ALL.into_iter().find(|known| known.name() == usage);
            let shelf = match usage {
                Some(Usage::Master) => &mut found.master,
                Some(Usage::SelfSigning) => &mut found.self_signing,
                Some(Usage::UserSigning) if Some(user) == self.asker => &mut found.user_signing,
                Some(Usage::UserSigning) | None => continue,
            };
            let of_key = public_half(&row.key).and_then(|public| signatures.get(&public));
            let key = self.signed(&row.key, user, of_key)?;
            shelf.insert(user.to_owned(), raw(&key)?);
        }
        Ok(())
    }

    /// The signatures of a user's keys that the asker may see: the user's own and the asker's.
    async fn signatures(&self, user: &UserId) -> Result<Signatures, StoreError> {
        let mut signatures = Signatures::new();
        let rows = self.store.all::<KeySignature>((user.as_str(),), ()).await?;
        for ((target, signer, key_id), KeySignatureRow { signature }) in rows {
            if self.may_see(user, &signer) {
                signatures.entry(target).or_default().push((signer, key_id, signature));
            }
        }
        Ok(signatures)
    }

    fn may_see(&self, owner: &UserId, signer: &str) -> bool {
        signer == owner.as_str() || self.asker.is_some_and(|asker| signer == asker.as_str())
    }

    /// An uploaded object with the signatures that were made since.
    fn signed(
        &self,
        uploaded: &RawValue,
        owner: &UserId,
        signatures: Option<&Vec<(String, String, String)>>,
    ) -> Result<Map<String, Value>, StoreError> {
        let mut object: Map<String, Value> = serde_json::from_str(uploaded.get()).map_err(corrupt)?;
        let mut all = match object.remove("signatures") {
            Some(Value::Object(signatures)) => signatures,
            _ => Map::new(),
        };
        all.retain(|signer, _| self.may_see(owner, signer));
        for (signer, key_id, signature) in signatures.into_iter().flatten() {
            let of_signer = all.entry(signer.clone()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(of_signer) = of_signer {
                of_signer.insert(key_id.clone(), Value::String(signature.clone()));
            }
        }
        object.insert("signatures".to_owned(), Value::Object(all));
        Ok(object)
    }
}

/// Those of the users that exist.
///
/// # Errors
/// When the store does not answer.
pub async fn existing<T>(
    store: &Store,
    users: BTreeMap<OwnedUserId, T>,
) -> Result<Vec<(OwnedUserId, T)>, StoreError> {
    let keys: Vec<(Key, Key)> = users.keys().map(|user| ((user.as_str(),).to_key(), Key::new())).collect();
    let accounts = store.multi_get::<Account>(&keys).await?;
    let existing = users.into_iter().zip(accounts).filter(|(_, account)| account.is_some());
    Ok(existing.map(|(user, _)| user).collect())
}

fn public_half(key: &RawValue) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Keys {
        keys: BTreeMap<String, String>,
    }
    let keys: Keys = serde_json::from_str(key.get()).ok()?;
    keys.keys.into_values().next()
}

fn raw(object: &Map<String, Value>) -> Result<Box<RawValue>, StoreError> {
    to_raw_value(object).map_err(corrupt)
}

fn corrupt(error: serde_json::Error) -> StoreError {
    StoreError::corrupt("device_key", error)
}
