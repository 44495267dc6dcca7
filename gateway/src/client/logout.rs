//! `POST /_matrix/client/*/logout`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3logout>

pub mod all;

use ruma::api::client::session::logout::v3::{Request, Response};

use crate::{ApiError, Context, IntoReply};

/// Removes the caller's device and its tokens.
pub async fn handler(cx: Context, _: Request) -> Result<impl IntoReply, ApiError> {
    cx.node().accounts().log_out(&cx.caller).await?;
    Ok(Response::new())
}
