//! `GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobalkindruleid>

use ruma::api::client::push::get_pushrule::v3::{Request, Response};

use crate::{ApiError, context::Context};

/// One rule of the caller.
pub async fn handler(cx: Context, request: Request) -> Result<Response, ApiError> {
    let rules = super::rules(&cx).await?;
    let rule = super::rule(&rules, &request.kind, &request.rule_id)?;
    Ok(Response::new(rule.to_owned().into()))
}
