//! Account data and forgetting rooms.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#client-config>

use std::sync::Arc;

use playhouse_storage::{
    store::put,
    tables::{AccountData, UserRoom, account_data::AccountDataRow},
};
use ruma::{OwnedRoomId, RoomId};
use serde_json::value::RawValue;

use super::{UserError, actor::UserActorState};

impl UserActorState {
    /// Sets account data of one type.
    ///
    /// # Errors
    /// [`UserError::Unavailable`] when it could not be made durable; it is not visible then.
    pub(super) async fn set_account_data(
        &mut self,
        room: Option<OwnedRoomId>,
        kind: String,
        content: Box<RawValue>,
    ) -> Result<(), UserError> {
        let position = self.begin();
        let room = room.map(String::from).unwrap_or_default();
        let row = AccountDataRow { content, pos: position.first() };
        self.write(vec![put::<AccountData>((self.user.as_str(),), (&room, &kind), &row, row.pos)]).await?;
        let ignores = room.is_empty() && kind == "m.ignored_user_list";
        self.data.account_data.insert((room, kind), Arc::new(row));
        if ignores {
            self.data.refresh_ignored();
        }
        self.publish(position);
        Ok(())
    }

    /// Notes that the user forgot a room that was left.
    ///
    /// # Errors
    /// [`UserError::NotFound`] for a room that the user never had, [`UserError::Invalid`] while joined.
    pub(super) async fn forget(&mut self, room_id: &RoomId) -> Result<(), UserError> {
        let user = self.user.as_str();
        let row = self.context.store.get::<UserRoom>((user,), (room_id.as_str(),)).await?;
        let mut row = row.ok_or_else(|| UserError::NotFound("you were never in that room".into()))?;
        if !matches!(row.membership.as_str(), "leave" | "ban") {
            return Err(UserError::Invalid("leave the room before you forget it".into()));
        }
        row.forgotten = true;
        // The stamp stays below that of a later member event, which un-forgets the room.
        let stamp = row.pos + 1;
        self.write(vec![put::<UserRoom>((user,), (room_id.as_str(),), &row, stamp)]).await?;
        self.feed.forget(room_id);
        Ok(())
    }
}
