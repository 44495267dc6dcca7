//! `POST /_matrix/client/v3/user_directory/search`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3user_directorysearch>

use playhouse_actors::user_directory::{self, Found};
use ruma::api::client::user_directory::search_users::v3::Request;

use crate::{ApiError, context::Context, reply::Json};

/// Finds users whom the caller may know of.
pub async fn handler(cx: Context, request: Request) -> Result<Json<Found>, ApiError> {
    let limit = u64::from(request.limit).try_into().unwrap_or(usize::MAX);
    let found = user_directory::search(cx.node(), cx.user_id(), &request.search_term, limit).await?;
    Ok(Json(found))
}
