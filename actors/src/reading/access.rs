//! Who may read a room, and up to where.

use std::sync::Arc;

use playhouse_storage::{StoreError, tables::UserRoom};
use ruma::{RoomId, UserId, events::room::history_visibility::HistoryVisibility};

use crate::{
    Node,
    room::{RoomError, RoomView},
    timeline::{page::Gap, visibility::versions},
};

/// A room that somebody may read.
pub struct Reading {
    /// The room as it is now.
    pub view: Arc<RoomView>,
    /// The log row after which it is read; `None` for now.
    pub(super) until: Option<i64>,
}

impl Reading {
    /// Opens a room for a reader.
    ///
    /// > If the user is joined to the room then the state is taken from the current state of the room. If the user has
    /// > left the room then the state is taken from the state of the room when they left.
    ///
    /// # Errors
    /// [`RoomError::Forbidden`] for strangers, and for those who forgot the room; an unknown room looks the same.
    pub async fn open(node: &Node, room_id: &RoomId, user: &UserId) -> Result<Self, RoomError> {
        let view = node.rooms().view(room_id).await.map_err(RoomError::hiding_unknown_room)?;
        let is_open = *view.state.history_visibility() == HistoryVisibility::WorldReadable;
        if is_open || view.state.is_joined(user) {
            return Ok(Self { view, until: None });
        }
        let until = left_at(node, room_id, user).await?;
        let until = until.ok_or_else(|| RoomError::UnknownRoom.hiding_unknown_room())?;
        Ok(Self { view, until: Some(until) })
    }

    /// The gap after the last event that the reader may know of.
    pub fn end(&self) -> Gap {
        self.until.map_or(Gap(self.view.head_seq + 1), |until| Gap(until + 1))
    }
}

/// The log row with which the user was last out of the room; `None` for who never was in, or forgot it.
async fn left_at(node: &Node, room_id: &RoomId, user: &UserId) -> Result<Option<i64>, StoreError> {
    if has_forgotten(node, room_id, user).await? {
        return Ok(None);
    }
    let memberships = versions(node.store(), room_id, "m.room.member", user.as_str()).await?;
    let joined = memberships.iter().rposition(|(_, word)| word == "join");
    Ok(joined.and_then(|joined| memberships.get(joined + 1)).map(|(seq, _)| *seq))
}

/// Whether the user left the room and asked to forget it.
pub(super) async fn has_forgotten(node: &Node, room_id: &RoomId, user: &UserId) -> Result<bool, StoreError> {
    let row = node.store().get::<UserRoom>((user.as_str(),), (room_id.as_str(),)).await?;
    Ok(row.is_some_and(|row| row.forgotten))
}
