//! `PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/enabled`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleidenabled>

use playhouse_actors::user::push_rules::PushRuleChange;
use ruma::api::client::push::set_pushrule_enabled::v3::{Request, Response};

use crate::{ApiError, context::Context};

/// Enables or disables a rule of the caller, a default one too.
pub async fn handler(cx: Context, request: Request) -> Result<Response, ApiError> {
    let change = PushRuleChange::Enable(request.kind, request.rule_id, request.enabled);
    cx.node().users().handle(cx.user_id()).change_push_rule(change).await?;
    Ok(Response::new())
}
