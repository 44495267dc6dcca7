//! `GET /_matrix/client/v3/pushrules/global/`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobal>

use ruma::api::client::push::get_pushrules_global_scope::v3::Request;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{ApiError, context::Context, reply::RawJson};

/// All rules of the caller, without their scope.
pub async fn handler(cx: Context, _request: Request) -> Result<RawJson, ApiError> {
    #[derive(Deserialize)]
    struct Scopes {
        global: Box<RawValue>,
    }
    let content = super::rules(&cx).await?.content();
    let scopes: Scopes = serde_json::from_str(content.get()).map_err(ApiError::internal)?;
    Ok(RawJson::from(&*scopes.global))
}
