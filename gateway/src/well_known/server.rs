//! `GET /.well-known/matrix/server`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#getwell-knownmatrixserver>

use serde_json::json;

use crate::{ApiError, IntoReply, Json, endpoint::Incoming};

/// Says where the server-server API is.
pub async fn handler(incoming: Incoming) -> Result<impl IntoReply, ApiError> {
    let server = incoming.gateway.config.well_known.server.clone();
    let server = server.ok_or_else(|| ApiError::not_found("This server publishes no server address"))?;
    Ok(Json(json!({ "m.server": server })))
}
