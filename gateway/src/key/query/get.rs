//! `GET /_matrix/key/v2/query/{serverName}`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#get_matrixkeyv2queryservername>

use ruma::api::federation::discovery::get_remote_server_keys::v2::Request;

use super::Answer;
use crate::{Anyone, ApiError, Context, Json};

/// The keys of one server. Asks that server once at most.
pub async fn handler(cx: Context<Anyone>, request: Request) -> Result<Json<Answer>, ApiError> {
    let valid_until_ms = request.minimum_valid_until_ts.get().into();
    let notarized = cx.federation()?.notarized_keys(&request.server_name, valid_until_ms, true).await?;
    Ok(Json(Answer { server_keys: notarized.document.into_iter().collect() }))
}
