//! `POST /_matrix/client/*/logout/all`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3logoutall>

use ruma::api::client::session::logout_all::v3::{Request, Response};

use crate::{ApiError, Context, IntoReply};

/// Removes all of the caller's devices and their tokens.
pub async fn handler(cx: Context, _: Request) -> Result<impl IntoReply, ApiError> {
    cx.node().accounts().log_out_everywhere(cx.user_id()).await?;
    Ok(Response::new())
}
