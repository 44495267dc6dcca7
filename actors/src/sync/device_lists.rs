//! Whose devices changed, with whom sharing a room began, and who is out of sight.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#tracking-the-device-list-for-a-user>

use std::collections::{BTreeSet, HashSet};

use playhouse_storage::{StoreError, tables::UserRoom};
use ruma::{OwnedRoomId, OwnedUserId, UserId};

use super::{joined::Moves, response::DeviceLists};
use crate::{Node, hub::UserFeed};

/// Users looked at for one response; beyond, a changed one is told without being asked whether a room is shared.
const MOST_LOOKED_AT: usize = 5_000;

/// What changed between two positions for the owner of `feed`, given who moved meanwhile.
///
/// # Errors
/// When the store does not answer.
pub async fn between(
    node: &Node,
    feed: &UserFeed,
    since: i64,
    until: i64,
    moves: Moves,
) -> Result<DeviceLists, StoreError> {
    let mine: HashSet<OwnedRoomId> = feed.joined_rooms().into_iter().collect();
    let changes = &node.users().context().device_changes;
    let found = changes.between(node.store(), since, until, feed.user()).await?;
    let mut changed = found.signed;
    if found.incomplete {
        changed.extend(everyone_in(node, &mine).await);
    }
    for (looked_at, user) in found.changed.into_iter().enumerate() {
        if looked_at >= MOST_LOOKED_AT || user == feed.user() || shares_a_room(node, &mine, &user).await? {
            changed.insert(user);
        }
    }
    changed.extend(moves.joined);
    let mut left = BTreeSet::new();
    for user in moves.left {
        if user != feed.user() && !shares_a_room(node, &mine, &user).await? {
            changed.remove(&user);
            left.insert(user);
        }
    }
    Ok(DeviceLists { changed, left })
}

/// Everyone who is joined to one of the rooms; a room that cannot be read is left out.
async fn everyone_in(node: &Node, rooms: &HashSet<OwnedRoomId>) -> BTreeSet<OwnedUserId> {
    let mut everyone = BTreeSet::new();
    for room_id in rooms {
        if let Ok(view) = node.rooms().view(room_id).await {
            everyone.extend(view.state.joined_members().map(ToOwned::to_owned));
        }
    }
    everyone
}

/// Whether a user is joined to one of the rooms.
///
/// # Errors
/// When the store does not answer.
pub async fn shares_a_room(
    node: &Node,
    mine: &HashSet<OwnedRoomId>,
    user: &UserId,
) -> Result<bool, StoreError> {
    if let Some(feed) = node.hub().hub().feed(user).filter(|feed| !feed.is_closed()) {
        return Ok(feed.joined_rooms().iter().any(|room| mine.contains(room)));
    }
    let theirs = node.store().all::<UserRoom>((user.as_str(),), ()).await?;
    Ok(theirs.iter().any(|((room,), row)| {
        row.membership == "join"
            && <&ruma::RoomId>::try_from(room.as_str()).is_ok_and(|room| mine.contains(room))
    }))
}
