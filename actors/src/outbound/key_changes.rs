//! Changes of our users' devices and keys, for every server that shares a room with them.
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#device-management>
//!
//! A change is in the log of device changes before it is made. Until every server's news of it is in the store the checkpoint
//! stays below it, so that a restart announces it again; a server that hears of it twice has lost nothing.

use std::{
    collections::BTreeSet,
    ops::Bound,
    sync::{Arc, Weak},
    time::Duration,
};

use parking_lot::Mutex;
use playhouse_storage::{
    IntoKey as _, Order, Slice,
    tables::{DeviceChange, UserRoom, device_change::DeviceChangeRow},
};
use ruma::{OwnedRoomId, OwnedServerName, OwnedUserId, UserId};
use serde::Serialize;
use serde_json::value::RawValue;

use super::Outbound;
use crate::{
    clock::day_of,
    room::RoomError,
    user::keys::published::{PublishedKeys, published},
};

/// How long to wait before a change is announced again, where the store did not answer.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Rows of one read.
const PAGE_ROWS: usize = 1_000;

/// A change of a user's devices and keys.
#[derive(Debug)]
pub(super) struct KeyChange {
    user: OwnedUserId,
    position: i64,
    row: DeviceChangeRow,
}

/// Changes that not all servers have in their backlogs yet.
pub(super) struct KeyChanges {
    /// Not bounded by itself: each is an acknowledged request of a client, and such wait for their own change.
    announced: flume::Sender<KeyChange>,
    open: Mutex<BTreeSet<(i64, OwnedUserId)>>,
}

impl KeyChanges {
    pub fn new() -> (Self, flume::Receiver<KeyChange>) {
        let (announced, received) = flume::unbounded();
        (Self { announced, open: Mutex::default() }, received)
    }

    /// The position of the oldest.
    pub fn oldest(&self) -> Option<i64> {
        self.open.lock().first().map(|(position, _)| *position)
    }
}

/// A change that is announced once this is dropped: when it is made, or when it is clear that nobody knows.
#[must_use = "the change is announced when this is dropped"]
pub struct Announcement {
    outbound: Arc<Outbound>,
    change: Option<KeyChange>,
}

impl Drop for Announcement {
    fn drop(&mut self) {
        if let Some(change) = self.change.take() {
            // It fails only when nothing is sent any more.
            let _ = self.outbound.key_changes.announced.send(change);
        }
    }
}

#[derive(Serialize)]
struct DeviceListUpdate<'a> {
    user_id: &'a UserId,
    device_id: &'a str,
    stream_id: i64,
    prev_id: Vec<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_display_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct SigningKeyUpdate<'a> {
    user_id: &'a UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    master_key: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    self_signing_key: Option<&'a RawValue>,
}

impl Outbound {
    /// Takes a change up that is about to be made.
    pub(crate) fn announcement(
        self: &Arc<Self>,
        user: &UserId,
        position: i64,
        row: DeviceChangeRow,
    ) -> Announcement {
        let change = Some(self.opened(user, position, row));
        Announcement { outbound: Arc::clone(self), change }
    }

    fn opened(&self, user: &UserId, position: i64, row: DeviceChangeRow) -> KeyChange {
        self.key_changes.open.lock().insert((position, user.to_owned()));
        KeyChange { user: user.to_owned(), position, row }
    }

    /// Takes the changes up that the process before may not have announced to all.
    pub(super) async fn resume_key_changes(&self, reached: i64) -> Result<(), RoomError> {
        for day in day_of(reached)..=day_of(self.clocks.closed()) {
            let mut from = Bound::Excluded((reached,).to_key());
            loop {
                let slice = Slice { from, to: Bound::Unbounded, order: Order::Forward, limit: PAGE_ROWS };
                let (rows, more) = self.store.slice::<DeviceChange>((day,), slice).await?;
                let last = rows.last().map(|((pos, user), _)| (*pos, user.clone()));
                for ((position, user), row) in rows {
                    let user = OwnedUserId::try_from(user).ok().filter(|user| user.server_name() == self.us);
                    if let Some(user) = user.filter(|_| row.only_for.is_none()) {
                        let _ = self.key_changes.announced.send(self.opened(&user, position, row));
                    }
                }
                match last.filter(|_| more) {
                    Some(last) => from = Bound::Excluded(last.to_key()),
                    None => break,
                }
            }
        }
        Ok(())
    }

    /// Puts the news of a change into the backlogs of all servers that share a room with the user.
    async fn announce_key_change(&self, change: &KeyChange) -> Result<(), RoomError> {
        let KeyChange { user, position, row } = change;
        let servers = self.sharing_servers(user).await?;
        if servers.is_empty() {
            return Ok(());
        }
        let with_names = self.federation.shares_device_names();
        let keys = published(&self.store, user, self.clocks.closed(), with_names).await?;
        let first = position - row.devices.len() as i64 + 1;
        let mut before = row.before;
        for (device, stream_id) in row.devices.iter().zip(first..) {
            let update = device_list_update(user, device, (before, stream_id), &keys);
            self.send_durable_to_all(&servers, "m.device_list_update", &update).await?;
            before = stream_id;
        }
        if row.cross_signing {
            let update = SigningKeyUpdate {
                user_id: user,
                master_key: keys.master.as_deref(),
                self_signing_key: keys.self_signing.as_deref(),
            };
            self.send_durable_to_all(&servers, "m.signing_key_update", &update).await?;
        }
        Ok(())
    }

    async fn sharing_servers(&self, user: &UserId) -> Result<BTreeSet<OwnedServerName>, RoomError> {
        let mut servers = BTreeSet::new();
        for ((room,), row) in self.store.all::<UserRoom>((user.as_str(),), ()).await? {
            let Ok(room_id) = OwnedRoomId::try_from(room) else { continue };
            if row.membership != "join" {
                continue;
            }
            match self.rooms.view(&room_id).await {
                Ok(view) => servers.extend(view.state.joined_servers().map(ToOwned::to_owned)),
                Err(error @ RoomError::Unavailable { .. }) => return Err(error),
                Err(error) => {
                    tracing::warn!(%room_id, %error, "a room's servers do not hear of changed keys");
                }
            }
        }
        servers.remove(&self.us);
        Ok(servers)
    }
}

fn device_list_update<'a>(
    user: &'a UserId,
    device_id: &'a str,
    (before, stream_id): (i64, i64),
    keys: &'a PublishedKeys,
) -> DeviceListUpdate<'a> {
    let device = keys.devices.get(device_id);
    DeviceListUpdate {
        user_id: user,
        device_id,
        stream_id,
        prev_id: (before > 0).then_some(before).into_iter().collect(),
        deleted: device.is_none().then_some(true),
        device_display_name: device.and_then(|device| device.name.as_deref()),
        keys: device.and_then(|device| device.keys.as_deref()),
    }
}

/// Announces one change after the other.
pub(super) async fn distribute(outbound: Weak<Outbound>, announced: flume::Receiver<KeyChange>) {
    while let Ok(change) = announced.recv_async().await {
        while let Some(outbound) = outbound.upgrade() {
            match outbound.announce_key_change(&change).await {
                Err(error @ RoomError::Unavailable { .. }) => {
                    tracing::warn!(user = %change.user, %error, "changed keys are announced later");
                    drop(outbound);
                    tokio::time::sleep(AGAIN_AFTER).await;
                    continue;
                }
                // What cannot be read for good holds no other change up.
                Err(error) => tracing::warn!(user = %change.user, %error, "changed keys are not announced"),
                Ok(()) => {}
            }
            outbound.key_changes.open.lock().remove(&(change.position, change.user.clone()));
            break;
        }
    }
}
