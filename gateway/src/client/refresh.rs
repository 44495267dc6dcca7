//! `POST /_matrix/client/*/refresh`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3refresh>

use ruma::api::client::session::refresh_token::v3::{Request, Response};

use crate::{Anyone, ApiError, Context, IntoReply};

/// Exchanges a refresh token for a new pair of tokens.
pub async fn handler(cx: Context<Anyone>, request: Request) -> Result<impl IntoReply, ApiError> {
    let refreshed = cx.node().accounts().refresh(&request.refresh_token).await?;
    let mut response = Response::new(refreshed.access_token);
    response.refresh_token = Some(refreshed.refresh_token);
    response.expires_in_ms = Some(refreshed.expires_in);
    Ok(response)
}
