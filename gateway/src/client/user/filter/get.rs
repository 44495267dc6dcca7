//! `GET /_matrix/client/v3/user/{userId}/filter/{filterId}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridfilterfilterid>

use ruma::api::client::filter::get_filter::v3::Request;

use crate::{ApiError, context::Context, reply::RawJson};

/// A filter as it was uploaded.
pub async fn handler(cx: Context, request: Request) -> Result<RawJson, ApiError> {
    cx.must_be(&request.user_id)?;
    let filter = cx.node().users().raw_filter(cx.user_id(), &request.filter_id).await?;
    filter.map(|filter| RawJson::from(&*filter)).ok_or_else(|| ApiError::not_found("There is no such filter"))
}
