//! `GET /_matrix/client/*/account/whoami`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3accountwhoami>

use ruma::api::client::account::whoami::v3::{Request, Response};

use crate::{ApiError, Context, IntoReply};

/// Says whose the access token is.
pub async fn handler(cx: Context, _: Request) -> Result<impl IntoReply, ApiError> {
    let mut response = Response::new(cx.user_id().to_owned(), false);
    response.device_id = Some(cx.device_id().to_owned());
    Ok(response)
}
