//! `GET /_matrix/client/*/register/available`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3registeravailable>

use ruma::api::client::account::get_username_availability::v3::{Request, Response};

use crate::{Anyone, ApiError, Context, IntoReply};

/// Says whether a user name can be registered, by the rules of registration itself.
pub async fn handler(cx: Context<Anyone>, request: Request) -> Result<impl IntoReply, ApiError> {
    cx.node().accounts().available(Some(&request.username)).await?;
    Ok(Response::new(true))
}
