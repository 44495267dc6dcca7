//! `POST /_matrix/client/v3/user/{userId}/filter`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3useruseridfilter>

use ruma::api::client::filter::create_filter::v3::{Request, Response};

use crate::{ApiError, context::Context};

/// Keeps a filter for later syncs.
pub async fn handler(cx: Context, request: Request) -> Result<Response, ApiError> {
    cx.must_be(&request.user_id)?;
    // As the client wrote it: a filter may say more than this server knows.
    let filter = cx.request.raw_json()?;
    let id = cx.node().users().handle(cx.user_id()).add_filter(filter).await?;
    Ok(Response::new(id))
}
