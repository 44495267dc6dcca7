//! Account data and forgetting rooms.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#client-config>

use playhouse_storage::{
    store::put,
    tables::{AccountData, UserRoom, account_data::AccountDataRow},
};
use ruma::{OwnedRoomId, RoomId};
use serde_json::value::RawValue;

use super::{UserError, UserHandle, actor::UserActorState};

/// The most bytes of all account data of one user: all of it is in memory while the user is active, and in one
/// partition of the store.
pub const MOST_ACCOUNT_DATA_BYTES: usize = 16 << 20;
/// The longest type.
const MOST_KIND_BYTES: usize = 255;

/// Types that follow from other requests and cannot be set themselves.
const SERVER_MANAGED: [&str; 2] = ["m.fully_read", "m.push_rules"];

impl UserHandle {
    /// Sets account data of one type as the user's client asks; durable and visible on return.
    ///
    /// # Errors
    /// [`UserError::ServerManaged`], [`UserError::Invalid`] for a type that is too long or empty,
    /// [`UserError::Full`] beyond [`MOST_ACCOUNT_DATA_BYTES`], [`UserError::Unavailable`].
    ///
    /// <https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-14>
    pub async fn put_account_data(
        &self,
        room: Option<&RoomId>,
        kind: &str,
        content: Box<RawValue>,
    ) -> Result<(), UserError> {
        if SERVER_MANAGED.contains(&kind) {
            return Err(UserError::ServerManaged(kind.to_owned()));
        }
        if kind.is_empty() || kind.len() > MOST_KIND_BYTES {
            return Err(UserError::Invalid(format!("a type has 1 to {MOST_KIND_BYTES} bytes")));
        }
        self.set_account_data(room, kind, content).await
    }
}

impl UserActorState {
    /// Sets account data of one type.
    ///
    /// # Errors
    /// [`UserError::Full`] beyond [`MOST_ACCOUNT_DATA_BYTES`]; [`UserError::Unavailable`] when it could not be made
    /// durable. It is not visible then.
    pub(super) async fn set_account_data(
        &mut self,
        room: Option<OwnedRoomId>,
        kind: String,
        content: Box<RawValue>,
    ) -> Result<(), UserError> {
        let position = self.store_account_data(room, kind, content).await?;
        self.publish(position);
        Ok(())
    }

    /// Makes account data of one type durable; the answered position is for [`Self::publish`].
    ///
    /// # Errors
    /// As [`Self::set_account_data`].
    pub(super) async fn store_account_data(
        &mut self,
        room: Option<OwnedRoomId>,
        kind: String,
        content: Box<RawValue>,
    ) -> Result<i64, UserError> {
        let room = room.map(String::from).unwrap_or_default();
        if self.data.account_data_bytes_with(&room, &kind, &content) > MOST_ACCOUNT_DATA_BYTES {
            return Err(UserError::Full("your account data is full; make something of it smaller".into()));
        }
        let position = self.begin();
        let row = AccountDataRow { content, pos: position };
        self.write(vec![put::<AccountData>((self.user.as_str(),), (&room, &kind), &row, row.pos)]).await?;
        self.data.put_account_data(&self.user, room, kind, row);
        Ok(position)
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
