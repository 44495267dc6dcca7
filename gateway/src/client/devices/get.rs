//! `GET /_matrix/client/*/devices/{deviceId}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3devicesdeviceid>

use ruma::api::client::device::get_device::v3::{Request, Response};

use super::rendered;
use crate::{ApiError, Context, IntoReply};

/// Shows one of the caller's devices.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    let device = cx.node().accounts().device(cx.user_id(), &request.device_id).await?;
    Ok(Response::new(rendered(device)))
}
