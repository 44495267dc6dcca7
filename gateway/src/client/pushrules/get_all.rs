//! `GET /_matrix/client/v3/pushrules/`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrules>

use ruma::api::client::push::get_pushrules_all::v3::Request;

use crate::{ApiError, context::Context, reply::RawJson};

/// All rules of the caller.
pub async fn handler(cx: Context, _request: Request) -> Result<RawJson, ApiError> {
    Ok(RawJson::from(&*super::rules(&cx).await?.content()))
}
