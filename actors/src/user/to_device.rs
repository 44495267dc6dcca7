//! To-device messages: kept until the device shows a later sync token.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#send-to-device-messaging>
//!
//! **Invariant:** a message of a transaction reaches each device once. It leaves a mark in the inbox by which a repeated
//! request finds it done: after a crash, and after the device has read it. A store may keep one of the two and lose the
//! other. So a mark is believed only if its message is there or was read, which is noted before it is deleted; and the
//! newest message of an inbox, which alone can lack its mark, gets it when the stream is loaded.

mod backlog;
mod elsewhere;
pub mod send;

use std::{collections::BTreeMap, ops::Bound, time::Duration};

use playhouse_storage::{
    IntoKey as _, Key, Order, Slice, Store, StoreError, Table as _, Write,
    store::{delete, delete_all, put, put_for},
    tables::{
        Device, DeviceKey, FallbackKey, HandedOutKey, KeySignature, ToDevice,
        room_log::Transaction,
        to_device::{READ_UP_TO, ToDeviceRow},
    },
};
use ruma::UserId;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::{
    UserError,
    actor::{ChangedKeys, UserActorState},
};
use crate::clock::pos_to_ms;

use backlog::Admitted;
pub use backlog::Backlog;
pub use send::{Contents, SendToDevice, send_to_device};

/// How long a repeated request is known by what it delivered: as long as transactions are remembered.
const MARK_LIFE: Duration = Duration::from_hours(24);

/// Messages by device id; `*` means each device.
pub type Messages = Vec<(String, Box<RawValue>)>;

/// Where in an inbox the mark of a transaction stands: below every message.
fn mark_pos(transaction: &Transaction) -> i64 {
    let Transaction { user, device, path, id } = transaction;
    let mut hash = Sha256::new();
    for part in [user, device, path, id] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hash.finalize()[..8]);
    (i64::from_be_bytes(first) | i64::MIN).max(READ_UP_TO + 1)
}

/// The mark of the message at `pos`.
fn write_of_mark(inbox: (&str, &str), mark: i64, pos: i64) -> Write {
    put_for::<ToDevice>(inbox, (mark,), &ToDeviceRow::mark(pos), pos, Some(MARK_LIFE))
}

/// The position of the newest message in an inbox, which has its mark afterwards if it belongs to a transaction that may
/// still be repeated.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn newest(
    store: &Store,
    user: &UserId,
    device: &str,
    now_ms: u64,
) -> Result<Option<i64>, StoreError> {
    let inbox = (user.as_str(), device);
    let messages = Bound::Included((0,).to_key());
    let slice = Slice { from: messages, to: Bound::Unbounded, order: Order::Backward, limit: 1 };
    let (rows, _) = store.slice::<ToDevice>(inbox, slice).await?;
    let Some(((pos,), row)) = rows.into_iter().next() else { return Ok(None) };
    let lives = pos_to_ms(pos) + MARK_LIFE.as_millis() as u64 > now_ms;
    if let Some(mark) = row.mark.filter(|_| lives)
        && store.get::<ToDevice>(inbox, (mark,)).await?.is_none()
    {
        store.write(vec![write_of_mark(inbox, mark, pos)]).await?;
    }
    Ok(Some(pos))
}

impl UserActorState {
    /// Puts messages into the inboxes of the user's devices, once if they belong to a transaction.
    ///
    /// # Errors
    /// [`UserError::Unavailable`] when they could not be made durable. [`UserError::InboxFull`]: those that fit were
    /// delivered.
    pub(super) async fn deliver_to_device(
        &mut self,
        messages: Messages,
        transaction: Option<&Transaction>,
    ) -> Result<(), UserError> {
        let mut addressed = self.addressed(messages).await?;
        let mark = transaction.map(mark_pos);
        if let Some(mark) = mark {
            addressed = self.undelivered(addressed, mark).await?;
        }
        let Admitted { messages, refused } = self.admitted(addressed).await?;
        if !messages.is_empty() {
            self.deliver(messages, mark).await?;
        }
        if refused { Err(UserError::InboxFull) } else { Ok(()) }
    }

    async fn deliver(&mut self, messages: Messages, mark: Option<i64>) -> Result<(), UserError> {
        let first = self.begin_many(messages.len());
        let mut newest = BTreeMap::new();
        let mut writes = Vec::new();
        for (pos, (device, message)) in (first..).zip(messages) {
            self.backlogs.entry(device.clone()).or_default().add(pos, &message);
            let inbox = (self.user.as_str(), device.as_str());
            writes.push(put::<ToDevice>(inbox, (pos,), &ToDeviceRow::message(message, mark), pos));
            writes.extend(mark.map(|mark| write_of_mark(inbox, mark, pos)));
            newest.insert(device, pos);
        }
        self.write(writes).await?;
        let last = newest.values().copied().max().unwrap_or_default();
        self.data.to_device.extend(newest);
        self.publish(last);
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

    /// One message for each device that has no mark yet; a message to the device itself goes before one to all.
    async fn undelivered(&self, addressed: Messages, mark: i64) -> Result<Messages, UserError> {
        let mut by_device: BTreeMap<String, Box<RawValue>> = BTreeMap::new();
        for (device, message) in addressed {
            by_device.insert(device, message);
        }
        let inbox = |device: &String| (self.user.as_str(), device.as_str()).to_key();
        let keys: Vec<(Key, Key)> =
            by_device.keys().map(|device| (inbox(device), (mark,).to_key())).collect();
        let marks = self.context.store.multi_get::<ToDevice>(&keys).await?;
        let mut open = Vec::new();
        for ((device, message), mark) in by_device.into_iter().zip(marks) {
            let delivered = match mark.and_then(|mark| mark.pos) {
                Some(pos) => self.arrived(&device, pos).await?,
                None => false,
            };
            if !delivered {
                open.push((device, message));
            }
        }
        Ok(open)
    }

    /// Whether the message that a mark tells of is in the inbox, or was read.
    async fn arrived(&self, device: &str, pos: i64) -> Result<bool, UserError> {
        let inbox = (self.user.as_str(), device).to_key();
        let keys = [(inbox.clone(), (pos,).to_key()), (inbox, (READ_UP_TO,).to_key())];
        let rows = self.context.store.multi_get::<ToDevice>(&keys).await?;
        let [message, read] = rows.as_slice() else { return Ok(false) };
        let read_up_to = read.as_ref().and_then(|row| row.pos).unwrap_or_default();
        Ok(message.is_some() || pos <= read_up_to)
    }

    /// Deletes the messages that the device has shown to have. A failure only leaves them for the next time.
    pub(super) async fn acknowledge_to_device(&mut self, device: &str, up_to: i64) {
        let Some(newest) = self.data.to_device.get(device).copied().filter(|_| up_to > 0) else { return };
        if let Err(error) = self.delete_read(device, up_to).await {
            tracing::debug!(%error, "acknowledged to-device messages stay for now");
        } else if newest <= up_to {
            // Nothing waits any more: the next tokens need not delete again.
            self.data.to_device.remove(device);
            self.backlogs.remove(device);
            self.feed.set_data(self.data.clone());
        } else if let Some(backlog) = self.backlogs.get_mut(device) {
            backlog.is_read_up_to(up_to);
        }
    }

    /// Notes what was read, then deletes it. Memory does not change before both are done, so a failure costs nothing: the
    /// actor need not end with it as with other writes.
    async fn delete_read(&self, device: &str, up_to: i64) -> Result<(), UserError> {
        let inbox = (self.user.as_str(), device);
        let note = put::<ToDevice>(inbox, (READ_UP_TO,), &ToDeviceRow::mark(up_to), up_to);
        let delete = Write::DeleteRange {
            table: ToDevice::DEF,
            partition: inbox.to_key(),
            from: Bound::Included((0,).to_key()),
            to: Bound::Included((up_to,).to_key()),
            stamp: up_to,
        };
        self.context.store.write(vec![note]).await?;
        Ok(self.context.store.write(vec![delete]).await?)
    }

    /// Drops everything of removed devices that is not the account's: keys, messages. Then announces the change.
    ///
    /// # Errors
    /// [`UserError::Unavailable`]; the caller may repeat the request.
    pub(super) async fn remove_devices(&mut self, devices: &[String]) -> Result<(), UserError> {
        let position = self.begin_device_change(ChangedKeys::of_devices(devices)).await?;
        let (owner, stamp) = (self.user.clone(), position);
        let user = owner.as_str();
        let mut writes = Vec::new();
        for device in devices {
            let cleared = self.stock(device).clear().await;
            self.must_hold(cleared)?;
            writes.push(delete::<DeviceKey>((user,), (device,), stamp));
            writes.push(delete_all::<KeySignature>((user,), (device,), stamp));
            writes.push(delete_all::<HandedOutKey>((user, device), (), stamp));
            writes.push(delete_all::<FallbackKey>((user, device), (), stamp));
            writes.push(delete_all::<ToDevice>((user, device), (), stamp));
        }
        self.write(writes).await?;
        for device in devices {
            self.data.to_device.remove(device);
            self.backlogs.remove(device);
            self.data.keys.remove(device);
        }
        self.publish_device_change(position);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
