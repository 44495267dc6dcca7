//! What the rest of the server must do when devices change.

use futures_util::future::BoxFuture;
use playhouse_storage::StoreError;
use ruma::{OwnedDeviceId, UserId};

/// Hears of changes of devices and accounts. Each call is awaited before the change is acknowledged and repeated after
/// a crash in between, so it must be idempotent.
///
/// **Invariant:** no call back into [`Accounts`](super::Accounts) that changes the same user: its lock is held.
pub trait DeviceEvents: Send + Sync + std::fmt::Debug + 'static {
    /// Devices are about to go; their tokens are dead already. Drop their keys and to-device messages, announce the
    /// change of the device list.
    fn devices_removed<'a>(
        &'a self,
        user: &'a UserId,
        devices: &'a [OwnedDeviceId],
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// A device has a new display name, which others see beside its keys.
    fn device_renamed<'a>(
        &'a self,
        user: &'a UserId,
        device: &'a OwnedDeviceId,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// The account is about to be deactivated, or just has been: leave its rooms, delete what the user kept on the server,
    /// and the profile if `erase`.
    fn account_deactivated<'a>(
        &'a self,
        user: &'a UserId,
        erase: bool,
    ) -> BoxFuture<'a, Result<(), StoreError>>;
}
