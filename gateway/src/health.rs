//! `/health`, `/ready` and `/metrics`: what operators and their tools ask.

use http::StatusCode;
use serde_json::json;

use crate::{
    ApiError, IntoReply, Json,
    endpoint::Incoming,
    metrics,
    reply::{self, Made},
};

/// `GET /health`: the process answers.
pub async fn alive(_: Incoming) -> Result<impl IntoReply, ApiError> {
    Ok(Json(json!({ "status": "alive" })))
}

/// `GET /ready`: requests would be answered. The signing key is loaded before any listener opens, so what is left to
/// ask is whether the store takes writes.
pub async fn ready(incoming: Incoming) -> Result<impl IntoReply, ApiError> {
    incoming.gateway.node.ready().await?;
    Ok(Json(json!({ "status": "ready" })))
}

/// `GET /metrics`, in Prometheus's text format.
pub async fn metrics(incoming: Incoming) -> Result<impl IntoReply, ApiError> {
    let handle = incoming.gateway.metrics.as_ref().ok_or_else(ApiError::unrecognized)?;
    Ok(Made(reply::text(StatusCode::OK, metrics::render(handle))))
}
