//! `GET /_matrix/client/*/login`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3login>

use ruma::api::client::session::get_login_types::v3::{
    LoginType, PasswordLoginType, Request, Response, TokenLoginType,
};

use crate::{Anyone, ApiError, Context, IntoReply};

/// Lists the ways to log in.
pub async fn handler(_: Context<Anyone>, _: Request) -> Result<impl IntoReply, ApiError> {
    let mut token = TokenLoginType::new();
    token.get_login_token = true;
    Ok(Response::new(vec![LoginType::Password(PasswordLoginType::new()), LoginType::Token(token)]))
}
