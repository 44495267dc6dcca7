//! `POST /_matrix/client/*/login/get_token`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv1loginget_token>

use ruma::api::client::session::get_login_token::v1::{Request, Response};

use crate::{ApiError, Context, IntoReply, uia};

/// Makes a token that logs one more device of the caller in. Each must be confirmed on its own.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    uia::confirm(&cx, request.auth.as_ref()).await?.spend(cx.gateway());
    let issued = cx.node().accounts().issue_login_token(cx.user_id()).await?;
    Ok(Response::new(issued.expires_in, issued.token))
}
