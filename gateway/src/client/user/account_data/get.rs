//! `GET /_matrix/client/v3/user/{userId}/account_data/{type}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridaccount_datatype>

use ruma::api::client::config::get_global_account_data::v3::Request;

use crate::{ApiError, context::Context, reply::RawJson};

/// The content of global account data of one type.
pub async fn handler(cx: Context, request: Request) -> Result<RawJson, ApiError> {
    cx.must_be(&request.user_id)?;
    let data = cx.node().users().feed(cx.user_id()).await?.data();
    let content = data.account_data("", &request.event_type.to_string());
    content.map(RawJson::from).ok_or_else(|| ApiError::not_found("Account data not found"))
}
