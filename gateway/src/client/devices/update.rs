//! `PUT /_matrix/client/*/devices/{deviceId}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3devicesdeviceid>

use ruma::api::client::device::update_device::v3::{Request, Response};

use crate::{ApiError, Context, IntoReply};

/// Gives one of the caller's devices another name.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    let accounts = cx.node().accounts();
    match request.display_name {
        Some(name) => accounts.rename_device(cx.user_id(), &request.device_id, name).await?,
        None => drop(accounts.device(cx.user_id(), &request.device_id).await?),
    }
    Ok(Response::new())
}
