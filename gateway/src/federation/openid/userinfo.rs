//! `GET /_matrix/federation/v1/openid/userinfo`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1openiduserinfo>

use ruma::api::federation::openid::get_openid_userinfo::v1::{Request, Response};

use crate::{Anyone, ApiError, Context, limits::Class};

/// Tells a third party whose token it was given.
pub async fn handler(cx: Context<Anyone>, request: Request) -> Result<Response, ApiError> {
    cx.limit_address(Class::Other)?;
    let owner = cx.node().accounts().owner_of_openid_token(&request.access_token).await?;
    owner.map(Response::new).ok_or_else(|| ApiError::unknown_token(false))
}
