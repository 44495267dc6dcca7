//! To-device messages: kept until the device shows a later sync token.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#send-to-device-messaging>

use std::{collections::BTreeSet, ops::Bound};

use playhouse_storage::{
    IntoKey as _, Table as _, Write,
    store::{delete_all, put},
    tables::{Device, DeviceKey, FallbackKey, OneTimeKey, ToDevice, to_device::ToDeviceRow},
};
use serde_json::value::RawValue;

use super::{UserError, actor::UserActorState};
use crate::clock::Pending;

impl UserActorState {
    /// Puts messages into the inboxes of the user's devices; `*` means each device.
    ///
    /// # Errors
    /// [`UserError::Unavailable`] when they could not be made durable.
    pub(super) async fn deliver_to_device(
        &mut self,
        messages: Vec<(String, Box<RawValue>)>,
    ) -> Result<(), UserError> {
        let devices: BTreeSet<String> = self
            .context
            .store
            .all::<Device>((self.user.as_str(),), ())
            .await?
            .into_iter()
            .map(|((device,), _)| device)
            .collect();
        let mut writes = Vec::new();
        let mut positions: Vec<Pending> = Vec::new();
        let mut newest = Vec::new();
        for (target, message) in messages {
            let targets: Vec<&String> = devices.iter().filter(|id| target == "*" || **id == target).collect();
            let row = ToDeviceRow { message };
            for device in targets {
                let position = self.begin();
                let pos = position.first();
                writes.push(put::<ToDevice>((self.user.as_str(), device), (pos,), &row, pos));
                newest.push((device.clone(), pos));
                positions.push(position);
            }
        }
        if writes.is_empty() {
            return Ok(());
        }
        self.write(writes).await?;
        self.data.to_device.extend(newest);
        let last = positions.pop();
        drop(positions);
        if let Some(position) = last {
            self.publish(position);
        }
        Ok(())
    }

    /// Deletes the messages that the device has shown to have. A failure only leaves them for the next time.
    pub(super) async fn acknowledge_to_device(&mut self, device: &str, up_to: i64) {
        let delete = Write::DeleteRange {
            table: ToDevice::DEF,
            partition: (self.user.as_str(), device).to_key(),
            from: Bound::Unbounded,
            to: Bound::Included((up_to,).to_key()),
            stamp: up_to,
        };
        if let Err(error) = self.write(vec![delete]).await {
            tracing::debug!(%error, "acknowledged to-device messages stay for now");
        }
    }

    /// Drops everything of removed devices that is not the account's: keys, messages. Then announces the change.
    ///
    /// # Errors
    /// [`UserError::Unavailable`]; the caller may repeat the request.
    pub(super) async fn remove_devices(&mut self, devices: &[String]) -> Result<(), UserError> {
        let position = self.begin_device_change().await?;
        let (user, stamp) = (self.user.as_str(), position.first());
        let mut writes = Vec::new();
        for device in devices {
            writes.push(playhouse_storage::store::delete::<DeviceKey>((user,), (device,), stamp));
            writes.push(delete_all::<OneTimeKey>((user, device), (), stamp));
            writes.push(delete_all::<FallbackKey>((user, device), (), stamp));
            writes.push(delete_all::<ToDevice>((user, device), (), stamp));
        }
        self.write(writes).await?;
        for device in devices {
            self.data.to_device.remove(device);
        }
        self.publish_device_change(position);
        Ok(())
    }
}
