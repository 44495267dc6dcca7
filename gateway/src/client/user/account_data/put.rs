//! `PUT /_matrix/client/v3/user/{userId}/account_data/{type}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3useruseridaccount_datatype>

use ruma::api::client::config::set_global_account_data::v3::{Request, Response};

use crate::{ApiError, context::Context};

/// Sets global account data of one type; the user's other devices hear of it in their syncs.
pub async fn handler(cx: Context, request: Request) -> Result<Response, ApiError> {
    cx.must_be(&request.user_id)?;
    let (kind, content) = (request.event_type.to_string(), request.data.into_json());
    cx.node().users().handle(cx.user_id()).put_account_data(None, &kind, content).await?;
    Ok(Response::new())
}
