//! `PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/actions`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleidactions>

use playhouse_actors::user::push_rules::PushRuleChange;
use ruma::api::client::push::set_pushrule_actions::v3::{Request, Response};

use crate::{ApiError, context::Context};

/// Sets what a rule of the caller does, a default one too.
pub async fn handler(cx: Context, request: Request) -> Result<Response, ApiError> {
    let change = PushRuleChange::SetActions(request.kind, request.rule_id, request.actions);
    cx.node().users().handle(cx.user_id()).change_push_rule(change).await?;
    Ok(Response::new())
}
