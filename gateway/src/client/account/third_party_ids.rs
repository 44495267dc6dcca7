//! `GET /_matrix/client/*/account/3pid`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3account3pid>

use ruma::api::client::account::get_3pids::v3::Request;
use serde_json::json;

use crate::{ApiError, Context, IntoReply, Json};

/// Lists the caller's third-party ids. There are none, as the capability `m.3pid_changes` says; ruma would leave the
/// empty list out, which clients do not expect.
pub async fn handler(_: Context, _: Request) -> Result<impl IntoReply, ApiError> {
    Ok(Json(json!({ "threepids": [] })))
}
