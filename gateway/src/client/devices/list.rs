//! `GET /_matrix/client/*/devices`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3devices>

use ruma::api::client::device::get_devices::v3::{Request, Response};

use super::rendered;
use crate::{ApiError, Context, IntoReply};

/// Lists the caller's devices.
pub async fn handler(cx: Context, _: Request) -> Result<impl IntoReply, ApiError> {
    let devices = cx.node().accounts().devices(cx.user_id()).await?;
    Ok(Response::new(devices.into_iter().map(rendered).collect()))
}
