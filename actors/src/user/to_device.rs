//! To-device messages: kept until the device shows a later sync token.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#send-to-device-messaging>
//!
//! **Invariant:** a message of a transaction reaches each device once. What was delivered leaves a marker in the inbox,
//! in the same write, by which a repeated request finds it done: after a crash, and after the device has read it.

pub mod send;

use std::{collections::BTreeMap, ops::Bound, time::Duration};

use playhouse_storage::{
    IntoKey as _, Key, Table as _, Write,
    store::{delete, delete_all, put, put_for},
    tables::{
        Device, DeviceKey, FallbackKey, HandedOutKey, KeySignature, ToDevice,
        room_log::Transaction, to_device::ToDeviceRow,
    },
};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::{UserError, actor::UserActorState, keys::stock::Stock};

pub use send::{SendToDevice, send_to_device};

/// How long a repeated request is known by what it delivered: as long as transactions are remembered.
const MARKER_LIFE: Duration = Duration::from_hours(24);

/// Deliveries of unknown outcome that are remembered.
const MOST_DOUBTFUL: usize = 1_000;

/// Messages by device id; `*` means each device.
pub type Messages = Vec<(String, Box<RawValue>)>;

/// Where in an inbox the marker of a transaction stands: below every message.
fn marker_pos(transaction: &Transaction) -> i64 {
    let Transaction { user, device, path, id } = transaction;
    let mut hash = Sha256::new();
    for part in [user, device, path, id] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hash.finalize()[..8]);
    i64::from_be_bytes(first) | i64::MIN
}

impl UserActorState {
    /// Puts messages into the inboxes of the user's devices, once if they belong to a transaction.
    ///
    /// # Errors
    /// [`UserError::Unavailable`] when they could not be made durable.
    pub(super) async fn deliver_to_device(
        &mut self,
        messages: Messages,
        transaction: Option<&Transaction>,
    ) -> Result<(), UserError> {
        let mut addressed = self.addressed(messages).await?;
        let marker = transaction.map(marker_pos);
        if let Some(marker) = marker {
            addressed = self.undelivered(addressed, marker).await?;
        }
        if addressed.is_empty() {
            return Ok(());
        }
        let positions = self.context.clocks.begin(self.user.as_str(), addressed.len());
        let mut newest = BTreeMap::new();
        let mut writes = Vec::new();
        for (pos, (device, message)) in (positions.first()..).zip(addressed) {
            let inbox = (self.user.as_str(), device.as_str());
            writes.push(put::<ToDevice>(inbox, (pos,), &ToDeviceRow { message }, pos));
            if let Some(marker) = marker {
                let row = ToDeviceRow { message: RawValue::NULL.to_owned() };
                writes.push(put_for::<ToDevice>(inbox, (marker,), &row, pos, Some(MARKER_LIFE)));
            }
            newest.insert(device, pos);
        }
        let written = self.write(writes).await;
        if let Some(marker) = marker {
            self.doubt(marker, written.is_err());
        }
        written?;
        let last = newest.values().copied().max().unwrap_or_default();
        self.data.to_device.extend(newest);
        self.data.pos = self.data.pos.max(last);
        self.publish(positions);
        Ok(())
    }

    /// Each message with the device that it is for, in order; unknown devices get none.
    async fn addressed(&self, messages: Messages) -> Result<Messages, UserError> {
        let devices = self.context.store.all::<Device>((self.user.as_str(),), ()).await?;
        let mut addressed = Vec::new();
        for (target, message) in messages {
            let devices = devices.iter().filter(|((device,), _)| target == "*" || *device == target);
            addressed.extend(devices.map(|((device,), _)| (device.clone(), message.clone())));
        }
        Ok(addressed)
    }

    /// One message for each device that has no marker yet; a message to the device itself goes before one to all.
    async fn undelivered(&self, addressed: Messages, marker: i64) -> Result<Messages, UserError> {
        let mut by_device: BTreeMap<String, Box<RawValue>> = BTreeMap::new();
        for (device, message) in addressed {
            by_device.insert(device, message);
        }
        if self.doubtful_deliveries.contains(&marker) {
            return Ok(by_device.into_iter().collect());
        }
        let keys: Vec<(Key, Key)> = by_device
            .keys()
            .map(|device| ((self.user.as_str(), device.as_str()).to_key(), (marker,).to_key()))
            .collect();
        let markers = self.context.store.multi_get::<ToDevice>(&keys).await?;
        let open = by_device.into_iter().zip(markers).filter(|(_, marker)| marker.is_none());
        Ok(open.map(|(message, _)| message).collect())
    }

    /// After a failed write a marker proves nothing: a store may have kept it and lost the message.
    fn doubt(&mut self, marker: i64, doubtful: bool) {
        if !doubtful {
            self.doubtful_deliveries.remove(&marker);
            return;
        }
        if self.doubtful_deliveries.len() >= MOST_DOUBTFUL {
            self.doubtful_deliveries.pop_first();
        }
        self.doubtful_deliveries.insert(marker);
    }

    /// Deletes the messages that the device has shown to have. A failure only leaves them for the next time.
    pub(super) async fn acknowledge_to_device(&mut self, device: &str, up_to: i64) {
        let Some(newest) = self.data.to_device.get(device).copied().filter(|_| up_to > 0) else { return };
        let delete = Write::DeleteRange {
            table: ToDevice::DEF,
            partition: (self.user.as_str(), device).to_key(),
            from: Bound::Included((0,).to_key()),
            to: Bound::Included((up_to,).to_key()),
            stamp: up_to,
        };
        match self.write(vec![delete]).await {
            Ok(()) if newest <= up_to => {
                // Nothing waits any more: the next tokens need not delete again.
                self.data.to_device.remove(device);
                self.feed.set_data(self.data.clone());
            }
            Ok(()) => {}
            Err(error) => tracing::debug!(%error, "acknowledged to-device messages stay for now"),
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
            Stock { store: &self.context.store, user: &self.user, device }.clear().await?;
            writes.push(delete::<DeviceKey>((user,), (device,), stamp));
            writes.push(delete_all::<KeySignature>((user,), (device,), stamp));
            writes.push(delete_all::<HandedOutKey>((user, device), (), stamp));
            writes.push(delete_all::<FallbackKey>((user, device), (), stamp));
            writes.push(delete_all::<ToDevice>((user, device), (), stamp));
        }
        self.write(writes).await?;
        for device in devices {
            self.data.to_device.remove(device);
            self.data.keys.remove(device);
        }
        self.publish_device_change(position);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
