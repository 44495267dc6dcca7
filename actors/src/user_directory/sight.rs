//! Whether somebody may know of a user: by a room that both are in, or one that is open to all.

use std::collections::{HashMap, HashSet};

use playhouse_storage::{
    Store, StoreError,
    tables::{CurrentState, RoomLog, UserRoom, room_log::bucket_of},
};
use ruma::{OwnedRoomId, RoomId, UserId, events::room::history_visibility::HistoryVisibility};
use serde::Deserialize;

use crate::{Node, user::UserError};

/// Rooms that one search looks into to see whether they are open.
const MOST_ROOMS: usize = 500;

/// What one user may see of others, for one search.
pub struct Sight<'a> {
    node: &'a Node,
    mine: HashSet<OwnedRoomId>,
    open: HashMap<OwnedRoomId, bool>,
}

impl<'a> Sight<'a> {
    /// The sight of `user`.
    ///
    /// # Errors
    /// When the user's rooms cannot be read.
    pub async fn of(node: &'a Node, user: &UserId) -> Result<Self, UserError> {
        let mine = node.users().feed(user).await?.joined_rooms().into_iter().collect();
        Ok(Self { node, mine, open: HashMap::new() })
    }

    /// Whether another user may be known.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn reaches(&mut self, other: &UserId) -> Result<bool, StoreError> {
        let theirs = joined_rooms(self.node, other).await?;
        if theirs.iter().any(|room_id| self.mine.contains(room_id)) {
            return Ok(true);
        }
        for room_id in theirs {
            if self.is_open(room_id).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn is_open(&mut self, room_id: OwnedRoomId) -> Result<bool, StoreError> {
        if let Some(known) = self.open.get(&room_id) {
            return Ok(*known);
        }
        if self.open.len() >= MOST_ROOMS {
            return Ok(false);
        }
        let open = is_open(self.node, &room_id).await?;
        self.open.insert(room_id, open);
        Ok(open)
    }
}

async fn joined_rooms(node: &Node, user: &UserId) -> Result<Vec<OwnedRoomId>, StoreError> {
    if let Some(feed) = node.hub().hub().feed(user).filter(|feed| !feed.is_closed()) {
        return Ok(feed.joined_rooms());
    }
    let rooms = node.store().all::<UserRoom>((user.as_str(),), ()).await?;
    let joined = rooms.into_iter().filter(|(_, row)| row.membership == "join");
    Ok(joined.filter_map(|((room,), _)| OwnedRoomId::try_from(room).ok()).collect())
}

/// > users who are joined to rooms […] that have a `public` join rule, […] a `world_readable` history visibility
async fn is_open(node: &Node, room_id: &RoomId) -> Result<bool, StoreError> {
    if let Some(view) = node.hub().hub().view(room_id) {
        let visibility = view.state.history_visibility();
        return Ok(view.state.join_rule().is_public() || *visibility == HistoryVisibility::WorldReadable);
    }
    // A room at rest stays at rest: two of its events say enough.
    let rules = word_of(node.store(), room_id, "m.room.join_rules", |content| content.join_rule).await?;
    if rules.as_deref() == Some("public") {
        return Ok(true);
    }
    let visibility =
        word_of(node.store(), room_id, "m.room.history_visibility", |content| content.history_visibility)
            .await?;
    Ok(visibility.as_deref() == Some("world_readable"))
}

#[derive(Deserialize)]
struct Content {
    join_rule: Option<String>,
    history_visibility: Option<String>,
}

async fn word_of(
    store: &Store,
    room_id: &RoomId,
    kind: &str,
    word: impl FnOnce(Content) -> Option<String>,
) -> Result<Option<String>, StoreError> {
    #[derive(Deserialize)]
    struct Event {
        content: Content,
    }
    let room = room_id.as_str();
    let Some(standing) = store.get::<CurrentState>((room,), (kind, "")).await? else { return Ok(None) };
    let row = store.get::<RoomLog>((room, bucket_of(standing.seq)), (standing.seq,)).await?;
    let event = row.and_then(|row| serde_json::from_str::<Event>(row.pdu.get()).ok());
    Ok(event.and_then(|event| word(event.content)))
}
