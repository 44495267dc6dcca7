//! `POST /_matrix/client/v3/user/{userId}/openid/request_token`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3useruseridopenidrequest_token>

use ruma::{
    api::client::account::request_openid_token::v3::{Request, Response},
    authentication::TokenType,
};

use crate::{ApiError, context::Context};

/// Makes a token by which a third party finds out who the caller is.
pub async fn handler(cx: Context, request: Request) -> Result<Response, ApiError> {
    cx.must_be(&request.user_id)?;
    let issued = cx.node().accounts().issue_openid_token(cx.user_id()).await?;
    let server_name = cx.node().server_name().to_owned();
    Ok(Response::new(issued.token, TokenType::Bearer, server_name, issued.expires_in))
}
