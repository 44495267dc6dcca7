//! Activation of a user's stream: rooms, account data, waiting messages.

use std::sync::Arc;

use playhouse_storage::{
    IntoKey as _, Key, Store, StoreError,
    tables::{AccountData, Device, FallbackKey, OneTimeKey, RoomHead, UserRoom},
};
use ruma::{OwnedRoomId, UserId, events::room::member::MembershipState};

use super::{
    actor::UserContext,
    data::{KeyCounts, UserData},
    to_device,
};
use crate::{
    hub::{HubHandle, UserFeed},
    user_directory::index,
};

/// Loads a user's rooms and data into a feed that the hub knows already.
///
/// The order is what makes it whole: the feed is open before the rows are read, and a room's head is read after the
/// subscription, so nothing committed falls in between.
///
/// # Errors
/// When the store does not answer or a row cannot be read.
pub async fn load(context: &UserContext, feed: &Arc<UserFeed>) -> Result<UserData, StoreError> {
    load_rooms(&context.store, &context.hub, feed).await?;
    list_in_directory(context, feed.user()).await?;
    let mut data = load_data(&context.store, feed.user(), context.clocks.now_ms()).await?;
    data.renew_push_rules(feed.user(), &context.rule_sets);
    Ok(data)
}

/// Lists a user in the user directory whose account was made before there was one.
async fn list_in_directory(context: &UserContext, user: &UserId) -> Result<(), StoreError> {
    if index::is_listed(&context.store, user).await? {
        return Ok(());
    }
    context.store.write(index::rows_of(user, context.clocks.stamp(user.as_str()))).await
}

async fn load_rooms(store: &Store, hub: &HubHandle, feed: &Arc<UserFeed>) -> Result<(), StoreError> {
    for ((room,), row) in store.all::<UserRoom>((feed.user().as_str(),), ()).await? {
        let Ok(room_id) = OwnedRoomId::try_from(room) else { continue };
        feed.load_room(room_id, row);
    }
    let joined: Vec<OwnedRoomId> = feed
        .rooms()
        .into_iter()
        .filter(|(_, standing)| standing.membership == MembershipState::Join)
        .map(|(room_id, _)| room_id)
        .collect();
    for room_id in &joined {
        hub.hub().subscribe(room_id, feed);
    }
    let keys: Vec<(Key, Key)> =
        joined.iter().map(|room_id| ((room_id.as_str(),).to_key(), Key::new())).collect();
    for (room_id, head) in joined.iter().zip(store.multi_get::<RoomHead>(&keys).await?) {
        // The row of an active room may lag behind what its actor has published.
        let live = hub.hub().view(room_id).map_or(0, |view| view.pos);
        feed.note_activity(room_id, head.map_or(0, |head| head.pos).max(live));
    }
    Ok(())
}

async fn load_data(store: &Store, user: &UserId, now_ms: u64) -> Result<UserData, StoreError> {
    let mut data = UserData::default();
    for (key, row) in store.all::<AccountData>((user.as_str(),), ()).await? {
        data.put_account_data(user, key.0, key.1, row);
    }
    for ((device,), _) in store.all::<Device>((user.as_str(),), ()).await? {
        if let Some(pos) = to_device::newest(store, user, &device, now_ms).await? {
            data.pos = data.pos.max(pos);
            data.to_device.insert(device.clone(), pos);
        }
        let counts = key_counts(store, user, &device).await?;
        data.keys.insert(device, Arc::new(counts));
    }
    Ok(data)
}

/// What is left of a device's one-time and fallback keys.
pub(super) async fn key_counts(store: &Store, user: &UserId, device: &str) -> Result<KeyCounts, StoreError> {
    let mut counts = KeyCounts::default();
    for ((algorithm, ..), _) in store.all::<OneTimeKey>((user.as_str(), device), ()).await? {
        // The row of no algorithm is no key: it counts uploads.
        if !algorithm.is_empty() {
            *counts.one_time.entry(algorithm).or_default() += 1;
        }
    }
    let fallback = store.all::<FallbackKey>((user.as_str(), device), ()).await?;
    let unused = fallback.into_iter().filter(|(_, row)| !row.used).map(|((algorithm,), _)| algorithm);
    counts.unused_fallback = unused.collect();
    Ok(counts)
}
