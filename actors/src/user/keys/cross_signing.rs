//! Publishing cross-signing keys.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysdevice_signingupload>
//!
//! **Invariant:** a user's self-signing and user-signing keys are signed by the user's master key. All three change by
//! one claim on the keys as they were read.

use std::collections::BTreeMap;

use bytes::Bytes;
use playhouse_storage::{
    Claim, Expect, IntoKey as _, Key, Outcome, Store, Table as _, Write,
    store::{delete, delete_all, encode},
    tables::{CrossSigningKey, Device, KeySignature, cross_signing_key::CrossSigningKeyRow},
};
use ruma::UserId;
use serde_json::value::RawValue;

use super::{
    cross_signing_key::{CheckedKey, Usage},
    signed::same_json,
};
use crate::user::{
    UserError,
    actor::{ChangedKeys, UserActorState},
};

/// How often an upload is tried against others of unknown outcome that still come in.
const ATTEMPTS: usize = 3;

/// Cross-signing keys to publish, checked as far as they can be without the store.
#[derive(Debug, Clone, Default)]
pub struct CrossSigningUpload {
    keys: BTreeMap<Usage, CheckedKey>,
}

/// What came of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum CrossSigningOutcome {
    /// The keys are published, or were already.
    Published,
    /// Keys that are there would change: the user must prove to be the user first.
    AuthenticationNeeded,
}

impl CrossSigningUpload {
    /// Checks the keys that `user` uploads.
    ///
    /// # Errors
    /// [`UserError::Malformed`], [`UserError::Invalid`], [`UserError::TooLarge`]; [`UserError::InvalidSignature`] where
    /// the master key comes along and did not sign the others.
    pub fn check(
        user: &UserId,
        master: Option<Box<RawValue>>,
        self_signing: Option<Box<RawValue>>,
        user_signing: Option<Box<RawValue>>,
    ) -> Result<Self, UserError> {
        let mut upload = Self::default();
        for (usage, key) in Usage::ALL.into_iter().zip([master, self_signing, user_signing]) {
            if let Some(key) = key {
                upload.keys.insert(usage, CheckedKey::check(key, usage, user)?);
            }
        }
        if let Some(master) = upload.keys.get(&Usage::Master) {
            upload.must_be_signed_by(master, user)?;
        }
        Ok(upload)
    }

    fn must_be_signed_by(&self, master: &CheckedKey, user: &UserId) -> Result<(), UserError> {
        let others = self.keys.values().filter(|key| key.usage != Usage::Master);
        others.into_iter().try_for_each(|key| key.must_be_signed_by(master, user))
    }
}

/// The cross-signing keys of a user as they are stored.
#[derive(Debug, Default)]
pub struct StoredKeys {
    keys: BTreeMap<Usage, (CheckedKey, Bytes)>,
}

impl StoredKeys {
    /// Reads the keys of a user.
    ///
    /// # Errors
    /// [`UserError::Unavailable`]; [`UserError::Corrupt`] for a row that could not have been uploaded.
    pub async fn of(store: &Store, user: &UserId) -> Result<Self, UserError> {
        let mut keys = BTreeMap::new();
        for ((name,), row) in store.all::<CrossSigningKey>((user.as_str(),), ()).await? {
            let Some(usage) = Usage::ALL.into_iter().find(|usage| usage.name() == name) else { continue };
            let bytes = encode(&row);
            let key = CheckedKey::check(row.key, usage, user)
                .map_err(|error| UserError::Corrupt(format!("cross-signing key {name}: {error}")))?;
            keys.insert(usage, (key, bytes));
        }
        Ok(Self { keys })
    }

    /// The key of a usage.
    pub fn get(&self, usage: Usage) -> Option<&CheckedKey> {
        self.keys.get(&usage).map(|(key, _)| key)
    }

    fn holds(&self, key: &CheckedKey) -> bool {
        self.get(key.usage).is_some_and(|stored| same_json(&stored.raw, &key.raw))
    }
}

impl UserActorState {
    /// Publishes cross-signing keys. Without authentication only the first ones, or the same again.
    ///
    /// # Errors
    /// [`UserError::MissingParam`] without a master key, [`UserError::InvalidSignature`],
    /// [`UserError::Forbidden`] for a key that is named like a device, [`UserError::Unavailable`].
    pub(super) async fn upload_cross_signing(
        &mut self,
        upload: &CrossSigningUpload,
        authenticated: bool,
    ) -> Result<CrossSigningOutcome, UserError> {
        for _ in 0..ATTEMPTS {
            let stored = StoredKeys::of(&self.context.store, &self.user).await?;
            let uploaded = upload.keys.get(&Usage::Master);
            let Some(master) = uploaded.or_else(|| stored.get(Usage::Master)) else {
                return Err(UserError::MissingParam("there is no master signing key yet".into()));
            };
            upload.must_be_signed_by(master, &self.user)?;
            if upload.keys.values().all(|key| stored.holds(key)) {
                return Ok(CrossSigningOutcome::Published);
            }
            if stored.get(Usage::Master).is_some() && !authenticated {
                return Ok(CrossSigningOutcome::AuthenticationNeeded);
            }
            self.must_not_be_devices(upload).await?;
            let changed = ChangedKeys { cross_signing: true, ..ChangedKeys::default() };
            let position = self.begin_device_change(changed).await?;
            let change = Change { user: &self.user, upload, stored: &stored, stamp: position };
            let outdated = change.outdated_signatures(&self.context.store).await?;
            let claim = change.claim(outdated);
            let outcome = self.context.store.backend().claim(claim).await;
            match self.must_hold(outcome.map_err(UserError::from))? {
                Outcome::Applied => {
                    self.publish_device_change(position);
                    return Ok(CrossSigningOutcome::Published);
                }
                // The next look shows which keys stand.
                Outcome::Refused | Outcome::Unknown => self.publish_device_change(position),
            }
        }
        self.must_hold(Err(UserError::retry()))
    }

    /// A device and a key of one name could be taken for each other.
    async fn must_not_be_devices(&self, upload: &CrossSigningUpload) -> Result<(), UserError> {
        for key in upload.keys.values() {
            let device = self.context.store.get::<Device>((self.user.as_str(),), (&key.public,)).await?;
            if device.is_some() {
                return Err(UserError::Forbidden("a device has the id of this key".into()));
            }
        }
        Ok(())
    }
}

/// From the keys that are stored to those after an upload.
struct Change<'a> {
    user: &'a UserId,
    upload: &'a CrossSigningUpload,
    stored: &'a StoredKeys,
    stamp: i64,
}

impl Change<'_> {
    /// One claim that all three keys stand as they were read.
    fn claim(&self, projections: Vec<Write>) -> Claim {
        let mut conditions = Vec::new();
        let mut writes = Vec::new();
        for usage in Usage::ALL {
            let key: Key = (usage.name(),).to_key();
            let stored = self.stored.keys.get(&usage);
            let expected = stored.map_or(Expect::Absent, |(_, bytes)| Expect::Value(bytes.clone()));
            conditions.push((key.clone(), expected));
            match self.upload.keys.get(&usage) {
                Some(new) => writes.push((key, Some(encode(&CrossSigningKeyRow { key: new.raw.clone() })))),
                None if stored.is_some() && self.is_orphaned(usage) => writes.push((key, None)),
                None => {}
            }
        }
        let partition = (self.user.as_str(),).to_key();
        Claim { table: CrossSigningKey::DEF, partition, conditions, writes, projections }
    }

    /// Whether the master key that signed this key goes.
    fn is_orphaned(&self, usage: Usage) -> bool {
        usage != Usage::Master && self.is_replaced(Usage::Master)
    }

    fn is_replaced(&self, usage: Usage) -> bool {
        match (self.stored.get(usage), self.upload.keys.get(&usage)) {
            (Some(old), Some(new)) => old.public != new.public,
            (Some(_), None) => self.is_orphaned(usage),
            (None, _) => false,
        }
    }

    /// Deletes the signatures of keys that go, and those that the user made with them.
    async fn outdated_signatures(&self, store: &Store) -> Result<Vec<Write>, UserError> {
        let replaced = Usage::ALL.into_iter().filter(|usage| self.is_replaced(*usage));
        let old: Vec<&CheckedKey> = replaced.filter_map(|usage| self.stored.get(usage)).collect();
        if old.is_empty() {
            return Ok(Vec::new());
        }
        let owner = (self.user.as_str(),);
        let mut deletes: Vec<Write> = old
            .iter()
            .map(|key| delete_all::<KeySignature>(owner, (key.public.as_str(),), self.stamp))
            .collect();
        for ((target, signer, key_id), _) in store.all::<KeySignature>(owner, ()).await? {
            if signer == self.user.as_str() && old.iter().any(|key| key.key_id() == key_id) {
                deletes.push(delete::<KeySignature>(owner, (target, signer, key_id), self.stamp));
            }
        }
        Ok(deletes)
    }
}
