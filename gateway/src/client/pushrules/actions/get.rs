//! `GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/actions`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobalkindruleidactions>

use ruma::api::client::push::get_pushrule_actions::v3::{Request, Response};

use crate::{
    ApiError,
    client::pushrules::{rule, rules},
    context::Context,
};

/// What a rule of the caller does.
pub async fn handler(cx: Context, request: Request) -> Result<Response, ApiError> {
    let rules = rules(&cx).await?;
    Ok(Response::new(rule(&rules, &request.kind, &request.rule_id)?.actions().to_vec()))
}
