//! `DELETE /_matrix/client/*/devices/{deviceId}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3devicesdeviceid>

use ruma::api::client::device::delete_device::v3::{Request, Response};

use crate::{ApiError, Context, IntoReply, uia};

/// Removes one of the caller's devices, confirmed by password.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    uia::confirm(&cx, request.auth.as_ref()).await?;
    cx.node().accounts().remove_devices(cx.user_id(), &[request.device_id]).await?;
    Ok(Response::new())
}
