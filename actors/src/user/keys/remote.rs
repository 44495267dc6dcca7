//! What other servers tell of their users' keys, and that it is old.
//!
//! A server sends changes of its users to those that share a room with them. So what it told is good as long as a room is
//! shared and no change was heard of. A change is only noted as such: whoever next asks for the keys has all of them told
//! anew, so that no gap in what was sent can leave old ones standing.

use std::collections::BTreeMap;

use playhouse_federation::client::RemoteKeys;
use playhouse_storage::{
    Store, StoreError, Write,
    store::put,
    tables::{
        RemoteKeyChange, RemoteKeyList, UserRoom, device_change::DeviceChangeRow,
        remote_key_change::RemoteKeyChangeRow, remote_key_list::RemoteKeyListRow,
    },
};
use ruma::{OwnedDeviceId, OwnedRoomId, OwnedUserId, RoomId, UserId, events::room::member::MembershipState};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::query::QueriedKeys;
use crate::{
    Node,
    hub::{UserFeed, device_changes},
};

/// The most devices of one user that are taken from another server.
const MOST_DEVICES: usize = 1_000;
/// The most bytes of a user's keys that are remembered.
const MOST_REMEMBERED_BYTES: usize = 1 << 20;

/// Notes that a user of another server changed devices or keys, and tells who shares a room. A user with whom nobody does is
/// none of our business.
///
/// # Errors
/// When the store does not answer: the news is to come again.
pub async fn note_change(node: &Node, user: &UserId) -> Result<(), StoreError> {
    let rooms = joined_rooms(node.store(), user).await?;
    if rooms.is_empty() {
        return Ok(());
    }
    let changes = &node.users().context().device_changes;
    let pending = node.clocks().begin(user.as_str(), 1);
    let pos = pending.first();
    let change = put::<RemoteKeyChange>((user.as_str(),), (), &RemoteKeyChangeRow { pos }, pos);
    let announced = device_changes::write_of(user, pos, &DeviceChangeRow::default());
    node.store().write(vec![change, announced]).await?;
    changes.note(pos, user, None);
    drop(pending);
    for (room_id, _) in rooms {
        node.hub().hub().subscribers(&room_id).iter().for_each(|feed| feed.wake());
    }
    Ok(())
}

/// The rooms that a user is joined to, as far as they are known here, and since which position.
async fn joined_rooms(store: &Store, user: &UserId) -> Result<Vec<(OwnedRoomId, i64)>, StoreError> {
    let rows = store.all::<UserRoom>((user.as_str(),), ()).await?;
    let joined = rows.into_iter().filter(|(_, row)| row.membership == "join");
    Ok(joined.filter_map(|((room,), row)| Some((OwnedRoomId::try_from(room).ok()?, row.pos))).collect())
}

/// What is known of a user of another server.
pub(super) struct Known {
    /// Since when the asker shares a room with the user, if so.
    shared_since: Option<i64>,
    /// What the user's server told, when it was asked last.
    pub list: Option<RemoteKeyListRow>,
    changed: i64,
}

impl Known {
    /// Reads what is known.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn of(store: &Store, asker: &UserFeed, user: &UserId) -> Result<Self, StoreError> {
        let since = |room_id: &RoomId| {
            let standing = asker.standing(room_id)?;
            (standing.membership == MembershipState::Join).then_some(standing.pos)
        };
        let rooms = joined_rooms(store, user).await?;
        let shared = rooms.iter().filter_map(|(room_id, pos)| Some(since(room_id)?.max(*pos)));
        let changed = store.get::<RemoteKeyChange>((user.as_str(),), ()).await?;
        Ok(Self {
            shared_since: shared.min(),
            list: store.get::<RemoteKeyList>((user.as_str(),), ()).await?,
            changed: changed.map_or(0, |change| change.pos),
        })
    }

    /// Whether the server would have told of every change since.
    pub fn is_current(&self) -> bool {
        let since = self.shared_since.map(|since| since.max(self.changed));
        self.list.as_ref().zip(since).is_some_and(|(list, since)| list.pos > since)
    }

    /// Whether the server will tell of changes.
    pub const fn may_be_remembered(&self) -> bool {
        self.shared_since.is_some()
    }
}

/// The keys of one user out of a server's answer to a question of position `pos`: no more than may be, and nothing that is
/// said to be of another user or device.
pub(super) fn list_of(answer: &mut RemoteKeys, user: &OwnedUserId, pos: i64) -> RemoteKeyListRow {
    let devices = answer.device_keys.remove(user).unwrap_or_default().into_iter().take(MOST_DEVICES);
    let own = |key: Box<RawValue>| owner_of(&key).is_some_and(|(owner, _)| owner == *user).then_some(key);
    RemoteKeyListRow {
        pos,
        devices: devices
            .filter(|(device, keys)| {
                owner_of(keys)
                    .is_some_and(|(owner, named)| owner == *user && named.as_deref() == Some(device))
            })
            .collect(),
        master: answer.master_keys.remove(user).and_then(own),
        self_signing: answer.self_signing_keys.remove(user).and_then(own),
    }
}

fn owner_of(key: &RawValue) -> Option<(OwnedUserId, Option<String>)> {
    #[derive(Deserialize)]
    struct Head {
        user_id: OwnedUserId,
        device_id: Option<String>,
    }
    serde_json::from_str(key.get()).ok().map(|head: Head| (head.user_id, head.device_id))
}

/// The write that remembers what a server told; `None` for what is too large for that.
pub(super) fn write_of(user: &UserId, list: &RemoteKeyListRow) -> Option<Write> {
    let keys = list.devices.values().chain(&list.master).chain(&list.self_signing);
    let bytes: usize = keys.map(|key| key.get().len()).sum();
    (bytes <= MOST_REMEMBERED_BYTES).then(|| put::<RemoteKeyList>((user.as_str(),), (), list, list.pos))
}

/// Adds the wanted keys to what is found.
pub(super) fn add(
    found: &mut QueriedKeys,
    user: &OwnedUserId,
    list: RemoteKeyListRow,
    wanted: &[OwnedDeviceId],
) {
    let RemoteKeyListRow { devices, master, self_signing, .. } = list;
    let is_wanted = |device: &String| wanted.is_empty() || wanted.iter().any(|wanted| *wanted == **device);
    let devices: BTreeMap<_, _> = devices.into_iter().filter(|(device, _)| is_wanted(device)).collect();
    found.devices.insert(user.clone(), devices);
    found.master.extend(master.map(|key| (user.clone(), key)));
    found.self_signing.extend(self_signing.map(|key| (user.clone(), key)));
}

#[cfg(test)]
mod tests {
    use ruma::owned_user_id;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_server_tells_only_of_the_users_and_devices_that_it_was_asked_about() {
        let alice = owned_user_id!("@alice:far");
        let keys = |user: &str, device: &str| json!({ "user_id": user, "device_id": device });
        let answer = json!({
            "device_keys": {
                "@alice:far": {
                    "PHONE": keys("@alice:far", "PHONE"),
                    "OTHER": keys("@alice:far", "PHONE"),
                    "STOLEN": keys("@bob:near", "STOLEN"),
                },
                "@bob:near": { "LAPTOP": keys("@bob:near", "LAPTOP") },
            },
            "master_keys": { "@alice:far": { "user_id": "@bob:near" } },
            "self_signing_keys": { "@alice:far": { "user_id": "@alice:far" } },
        });
        let mut answer: RemoteKeys = serde_json::from_value(answer).unwrap();

        let list = list_of(&mut answer, &alice, 7);

        assert_eq!(list.devices.keys().collect::<Vec<_>>(), ["PHONE"]);
        assert!(list.master.is_none() && list.self_signing.is_some());
    }

    #[test]
    fn a_user_has_no_more_devices_than_may_be() {
        let alice = owned_user_id!("@alice:far");
        let of_device = |number: u32| {
            let device = format!("D{number}");
            let keys = json!({ "user_id": alice, "device_id": device });
            (device, keys)
        };
        let devices: serde_json::Map<_, _> = (0..5_000).map(of_device).collect();
        let mut answer: RemoteKeys =
            serde_json::from_value(json!({ "device_keys": { alice.as_str(): devices } })).unwrap();

        assert_eq!(list_of(&mut answer, &alice, 7).devices.len(), MOST_DEVICES);
    }
}
