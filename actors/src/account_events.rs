//! What the actors do when devices and accounts go: the other side of [`DeviceEvents`].

use std::sync::Arc;

use futures_util::future::BoxFuture;
use playhouse_storage::{
    StoreError,
    tables::{Profile, UserRoom},
};
use ruma::{OwnedDeviceId, OwnedRoomId, UserId};

use crate::{
    accounts::DeviceEvents,
    erasure::{self, ErasedUsers},
    room::{
        RoomError, Rooms,
        message::{ChangeMembership, MembershipAction},
    },
    user::{UserError, Users, spread_profile::write_of_no_mark},
};

/// Tells rooms and user streams.
#[derive(Clone)]
pub struct AccountEvents {
    rooms: Rooms,
    users: Users,
    erased: Arc<ErasedUsers>,
}

impl AccountEvents {
    /// For these rooms and users.
    pub const fn new(rooms: Rooms, users: Users, erased: Arc<ErasedUsers>) -> Self {
        Self { rooms, users, erased }
    }

    async fn leave_everything(&self, user: &UserId) -> Result<(), StoreError> {
        let rooms = self.rooms.store().all::<UserRoom>((user.as_str(),), ()).await?;
        for ((room,), row) in rooms {
            let inside = matches!(row.membership.as_str(), "join" | "invite" | "knock");
            let Some(room_id) = OwnedRoomId::try_from(room).ok().filter(|_| inside) else { continue };
            let leave = ChangeMembership {
                sender: user.to_owned(),
                target: user.to_owned(),
                action: MembershipAction::Leave,
                reason: None,
                extra: serde_json::Map::new(),
            };
            match self.rooms.handle(&room_id).change_membership(leave).await {
                Ok(_) => {}
                Err(RoomError::Unavailable { retry_after }) => {
                    return Err(StoreError::Unavailable {
                        reason: format!("{room_id} is busy"),
                        retry_after,
                    });
                }
                Err(error) => tracing::warn!(%error, "a deactivated user could not leave a room"),
            }
        }
        Ok(())
    }

    async fn erase(&self, user: &UserId) -> Result<(), StoreError> {
        let context = self.users.context();
        let stamp = context.clocks.stamp(user.as_str());
        context.store.write(vec![erasure::write_of(user, stamp)]).await?;
        self.erased.note(user);
        self.erase_profile(user).await
    }

    async fn erase_profile(&self, user: &UserId) -> Result<(), StoreError> {
        for ((field,), _) in self.rooms.store().all::<Profile>((user.as_str(),), ()).await? {
            self.users.handle(user).set_profile(&field, None).await.map_err(as_store_error)?;
        }
        // The user has left every room, so none is told.
        let context = self.users.context();
        let stamp = context.clocks.stamp(user.as_str());
        context.store.write(vec![write_of_no_mark(user, stamp)]).await
    }
}

impl std::fmt::Debug for AccountEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccountEvents")
    }
}

impl DeviceEvents for AccountEvents {
    fn devices_removed<'a>(
        &'a self,
        user: &'a UserId,
        devices: &'a [OwnedDeviceId],
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let devices = devices.iter().map(ToString::to_string).collect();
        Box::pin(async move { self.users.handle(user).remove_devices(devices).await.map_err(as_store_error) })
    }

    fn device_renamed<'a>(
        &'a self,
        user: &'a UserId,
        device: &'a OwnedDeviceId,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let user = self.users.handle(user);
            user.announce_device_change(device.as_str()).await.map_err(as_store_error)
        })
    }

    fn account_deactivated<'a>(
        &'a self,
        user: &'a UserId,
        erase: bool,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.leave_everything(user).await?;
            self.users.handle(user).delete_data().await.map_err(as_store_error)?;
            if erase {
                self.erase(user).await?;
            }
            Ok(())
        })
    }
}

/// Whatever a user's stream could not do may be tried again.
fn as_store_error(error: UserError) -> StoreError {
    let retry_after = match &error {
        UserError::Unavailable { retry_after } => *retry_after,
        _ => std::time::Duration::from_secs(1),
    };
    StoreError::Unavailable { reason: error.to_string(), retry_after }
}
