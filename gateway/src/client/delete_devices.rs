//! `POST /_matrix/client/*/delete_devices`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3delete_devices>

use ruma::api::client::device::delete_devices::v3::{Request, Response};

use crate::{ApiError, Context, IntoReply, uia};

/// Removes some of the caller's devices, confirmed by password.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    uia::confirm(&cx, request.auth.as_ref()).await?;
    cx.node().accounts().remove_devices(cx.user_id(), &request.devices).await?;
    Ok(Response::new())
}
