//! Publishing a device's keys.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysupload>

use std::{collections::BTreeMap, sync::Arc};

use playhouse_storage::{
    store::{delete_all, put},
    tables::{
        Device, DeviceKey, FallbackKey, KeySignature, device_key::DeviceKeyRow, fallback_key::FallbackKeyRow,
    },
};
use ruma::{DeviceId, UserId};
use serde_json::value::RawValue;

use super::{
    device_keys::{self, CheckedDeviceKeys},
    one_time_key::{NewKey, one_for_each_algorithm},
    signed::{SignedObject, same_json},
    stock::Stock,
};
use crate::user::{
    UserError,
    actor::{ChangedKeys, UserActorState},
    load,
};

/// An upload that was checked as far as it can be without the store.
#[derive(Debug, Default)]
pub struct KeyUpload {
    /// The device's identity keys.
    pub device_keys: Option<CheckedDeviceKeys>,
    /// More one-time keys.
    pub one_time_keys: Vec<NewKey>,
    /// New fallback keys, one for each algorithm.
    pub fallback_keys: Vec<NewKey>,
}

/// Keys by name.
pub type NamedKeys = Vec<(String, Box<RawValue>)>;

impl KeyUpload {
    /// Checks what `device` of `user` uploads.
    ///
    /// # Errors
    /// [`UserError::Malformed`], [`UserError::Invalid`], [`UserError::InvalidSignature`], [`UserError::TooLarge`].
    pub fn check(
        user: &UserId,
        device: &DeviceId,
        device_keys: Option<Box<RawValue>>,
        one_time_keys: NamedKeys,
        fallback_keys: NamedKeys,
    ) -> Result<Self, UserError> {
        let device_keys = device_keys.map(|keys| device_keys::check(keys, user, device)).transpose()?;
        let checked = |keys: NamedKeys| -> Result<Vec<NewKey>, UserError> {
            keys.into_iter().map(|(name, key)| NewKey::check(&name, key)).collect()
        };
        let fallback_keys = checked(fallback_keys)?;
        one_for_each_algorithm(&fallback_keys)?;
        Ok(Self { device_keys, one_time_keys: checked(one_time_keys)?, fallback_keys })
    }
}

impl UserActorState {
    /// Publishes keys; answers how many one-time keys are left by algorithm. The same upload again changes nothing.
    ///
    /// # Errors
    /// [`UserError::Invalid`] when a one-time key has the id of another, [`UserError::TooLarge`] for too many,
    /// [`UserError::NotFound`] when the device is gone; nothing is published then.
    pub(super) async fn upload_keys(
        &mut self,
        device: &str,
        upload: KeyUpload,
    ) -> Result<BTreeMap<String, u64>, UserError> {
        let known = self.context.store.get::<Device>((self.user.as_str(),), (device,)).await?;
        known.ok_or_else(|| UserError::NotFound("the device is gone".into()))?;
        self.stock(device).check(&upload.one_time_keys).await?;
        if let Some(keys) = upload.device_keys {
            self.set_device_keys(device, keys).await?;
        }
        let order = self.begin();
        let added = self.stock(device).add(&upload.one_time_keys, order).await;
        let added = self.must_hold(added);
        let counted = match added {
            Ok(()) => self.set_fallback_keys(device, upload.fallback_keys).await,
            Err(error) => Err(error),
        };
        // Whatever came of it: what is told is what is there.
        self.recount(device).await?;
        counted?;
        Ok(self.data.keys.get(device).map(|counts| counts.one_time.clone()).unwrap_or_default())
    }

    pub(in crate::user) fn stock<'a>(&'a self, device: &'a str) -> Stock<'a> {
        Stock { store: &self.context.store, user: &self.user, device }
    }

    /// Publishes identity keys. Signatures of other keys that the device had before are worth nothing then.
    async fn set_device_keys(&mut self, device: &str, keys: CheckedDeviceKeys) -> Result<(), UserError> {
        let user = self.user.clone();
        let stored = self.context.store.get::<DeviceKey>((user.as_str(),), (device,)).await?;
        if stored.as_ref().is_some_and(|stored| same_json(&stored.keys, &keys.raw)) {
            return Ok(());
        }
        let before = stored.and_then(|stored| SignedObject::parse(&stored.keys).ok());
        let changed = ChangedKeys::of_devices(&[device.to_owned()]);
        let position = self.begin_device_change(changed).await?;
        let stamp = position;
        let row = DeviceKeyRow { keys: keys.raw };
        let mut writes = vec![put::<DeviceKey>((user.as_str(),), (device,), &row, stamp)];
        if before.is_some_and(|before| before.signed() != keys.signed) {
            writes.push(delete_all::<KeySignature>((user.as_str(),), (device,), stamp));
        }
        self.write(writes).await?;
        self.publish_device_change(position);
        Ok(())
    }

    /// Replaces fallback keys. One that is there already stays as used as it is.
    async fn set_fallback_keys(&mut self, device: &str, keys: Vec<NewKey>) -> Result<(), UserError> {
        let user = self.user.clone();
        let owner = (user.as_str(), device);
        let mut writes = Vec::new();
        for NewKey { algorithm, key_id, key } in keys {
            let stored = self.context.store.get::<FallbackKey>(owner, (&algorithm,)).await?;
            if stored.is_some_and(|stored| stored.key_id == key_id && same_json(&stored.key, &key)) {
                continue;
            }
            let row = FallbackKeyRow { key_id, key, used: false };
            let stamp = self.context.clocks.stamp(self.user.as_str());
            writes.push(put::<FallbackKey>(owner, (&algorithm,), &row, stamp));
        }
        if writes.is_empty() { Ok(()) } else { self.write(writes).await }
    }

    /// Counts a device's keys anew and shows the counts to syncs.
    pub(super) async fn recount(&mut self, device: &str) -> Result<(), UserError> {
        let counts = load::key_counts(&self.context.store, &self.user, device).await;
        let counts = self.must_hold(counts.map_err(UserError::from))?;
        self.data.keys.insert(device.to_owned(), Arc::new(counts));
        self.feed.set_data(self.data.clone());
        Ok(())
    }
}
