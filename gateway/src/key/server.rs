//! `GET /_matrix/key/v2/server`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#get_matrixkeyv2server>

use ruma::{CanonicalJsonObject, api::federation::discovery::get_server_keys::v2::Request};

use crate::{Anyone, ApiError, Context, Json};

/// The keys that this server signs with, and those that it signed with before.
pub async fn handler(cx: Context<Anyone>, _: Request) -> Result<Json<CanonicalJsonObject>, ApiError> {
    cx.federation()?.published_keys().map(Json).map_err(ApiError::internal)
}
