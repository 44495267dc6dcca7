//! Devices: listing, naming, removing.

use playhouse_storage::{
    Write, store,
    tables::{AccessToken, Device, device::DeviceRow},
};
use ruma::{DeviceId, OwnedDeviceId, UserId};

use super::{AccountError, Accounts, Inner, Session, login::short};

/// What a user sees of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceInfo {
    /// The device.
    pub device_id: OwnedDeviceId,
    /// Its name.
    pub display_name: Option<String>,
    /// When it was used last, in milliseconds since the epoch.
    pub last_seen_ts: Option<u64>,
    /// From which address.
    pub last_seen_ip: Option<String>,
}

impl Accounts {
    /// The user's devices.
    ///
    /// # Errors
    /// The store gave no answer.
    pub async fn devices(&self, user: &UserId) -> Result<Vec<DeviceInfo>, AccountError> {
        let rows = self.inner.devices(user).await?;
        Ok(rows.into_iter().map(|(id, row)| self.inner.info(id, row)).collect())
    }

    /// One device.
    ///
    /// # Errors
    /// [`AccountError::UnknownDevice`], or the store gave no answer.
    pub async fn device(&self, user: &UserId, device: &DeviceId) -> Result<DeviceInfo, AccountError> {
        let row = self.inner.device(user, device).await?.ok_or(AccountError::UnknownDevice)?;
        Ok(self.inner.info(device.to_owned(), row))
    }

    /// Gives a device another name.
    ///
    /// # Errors
    /// [`AccountError::UnknownDevice`], or the store gave no answer.
    pub async fn rename_device(
        &self,
        user: &UserId,
        device: &DeviceId,
        name: String,
    ) -> Result<(), AccountError> {
        let (user, device) = (user.to_owned(), device.to_owned());
        self.to_the_end(|inner| async move {
            let _guard = inner.lock(&user).await;
            let row = inner.device(&user, &device).await?.ok_or(AccountError::UnknownDevice)?;
            let display_name = Some(short(name));
            if row.display_name == display_name {
                return Ok(());
            }
            inner.put_device(&user, &device, &DeviceRow { display_name, ..row }, Vec::new()).await?;
            Ok(inner.events.device_renamed(&user, &device).await?)
        })
        .await
    }

    /// Removes devices with their tokens and keys; those that are not there are fine.
    ///
    /// # Errors
    /// The store gave no answer; asking again goes on where it stopped.
    pub async fn remove_devices(&self, user: &UserId, devices: &[OwnedDeviceId]) -> Result<(), AccountError> {
        let (user, devices) = (user.to_owned(), devices.to_vec());
        self.to_the_end(|inner| async move {
            let _guard = inner.lock(&user).await;
            inner.remove_devices(&user, devices).await
        })
        .await
    }

    /// Ends a session: its device is removed.
    ///
    /// # Errors
    /// As [`remove_devices`](Self::remove_devices).
    pub async fn log_out(&self, session: &Session) -> Result<(), AccountError> {
        self.remove_devices(&session.user_id, std::slice::from_ref(&session.device_id)).await
    }

    /// Removes all devices of a user.
    ///
    /// # Errors
    /// As [`remove_devices`](Self::remove_devices).
    pub async fn log_out_everywhere(&self, user: &UserId) -> Result<(), AccountError> {
        let user = user.to_owned();
        self.to_the_end(|inner| async move {
            let _guard = inner.lock(&user).await;
            inner.remove_devices(&user, inner.device_ids(&user).await?).await
        })
        .await
    }
}

impl Inner {
    pub(super) async fn device(
        &self,
        user: &UserId,
        device: &DeviceId,
    ) -> Result<Option<DeviceRow>, AccountError> {
        Ok(self.store.get::<Device>((user.as_str(),), (device.as_str(),)).await?)
    }

    pub(super) async fn devices(
        &self,
        user: &UserId,
    ) -> Result<Vec<(OwnedDeviceId, DeviceRow)>, AccountError> {
        let rows = self.store.all::<Device>((user.as_str(),), ()).await?;
        Ok(rows.into_iter().map(|((id,), row)| (id.into(), row)).collect())
    }

    pub(super) async fn device_ids(&self, user: &UserId) -> Result<Vec<OwnedDeviceId>, AccountError> {
        Ok(self.devices(user).await?.into_iter().map(|(id, _)| id).collect())
    }

    /// Writes a device's row, and `writes` with it. Under the user's lock.
    pub(super) async fn put_device(
        &self,
        user: &UserId,
        device: &DeviceId,
        row: &DeviceRow,
        mut writes: Vec<Write>,
    ) -> Result<(), AccountError> {
        writes.push(store::put::<Device>((user.as_str(),), (device.as_str(),), row, self.stamp(user)));
        Ok(self.store.write(writes).await?)
    }

    /// Removes devices in an order that a crash may cut anywhere: tokens, then what hangs on the device, then its row.
    /// Under the user's lock.
    pub(super) async fn remove_devices(
        &self,
        user: &UserId,
        devices: Vec<OwnedDeviceId>,
    ) -> Result<(), AccountError> {
        let mut found = Vec::new();
        for id in devices {
            if let Some(row) = self.device(user, &id).await? {
                self.sessions.forget(&row.access_hashes);
                found.push((id, row));
            }
        }
        if found.is_empty() {
            return Ok(());
        }
        self.end_tokens(user, &found).await?;
        let ids: Vec<OwnedDeviceId> = found.into_iter().map(|(id, _)| id).collect();
        self.events.devices_removed(user, &ids).await?;
        let stamp = self.stamp(user);
        let delete = |id: &OwnedDeviceId| store::delete::<Device>((user.as_str(),), (id.as_str(),), stamp);
        Ok(self.store.write(ids.iter().map(delete).collect()).await?)
    }

    async fn end_tokens(
        &self,
        user: &UserId,
        devices: &[(OwnedDeviceId, DeviceRow)],
    ) -> Result<(), AccountError> {
        let stamp = self.stamp(user);
        let mut writes = Vec::new();
        for (id, row) in devices {
            let ended = DeviceRow { access_hashes: Vec::new(), refresh_hashes: Vec::new(), ..row.clone() };
            writes.push(store::put::<Device>((user.as_str(),), (id.as_str(),), &ended, stamp));
            let tokens = row.access_hashes.iter();
            writes.extend(tokens.map(|hash| store::delete::<AccessToken>((hash.as_str(),), (), stamp)));
        }
        self.store.write(writes).await?;
        for (_, row) in devices {
            self.sweep_refresh_tokens(&row.refresh_hashes).await;
        }
        Ok(())
    }

    fn info(&self, device_id: OwnedDeviceId, row: DeviceRow) -> DeviceInfo {
        let mut info = DeviceInfo {
            device_id,
            display_name: row.display_name,
            last_seen_ts: row.last_seen_ts,
            last_seen_ip: row.last_seen_ip,
        };
        for session in row.access_hashes.iter().filter_map(|hash| self.sessions.peek(hash)) {
            let (last_ms, address) = session.last_seen();
            if Some(last_ms) > info.last_seen_ts {
                info.last_seen_ts = Some(last_ms);
                info.last_seen_ip = address.map(|address| address.to_string());
            }
        }
        info
    }
}
