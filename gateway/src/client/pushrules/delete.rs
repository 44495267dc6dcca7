//! `DELETE /_matrix/client/v3/pushrules/global/{kind}/{ruleId}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3pushrulesglobalkindruleid>

use playhouse_actors::user::push_rules::PushRuleChange;
use ruma::api::client::push::delete_pushrule::v3::{Request, Response};

use crate::{ApiError, context::Context};

/// Removes one of the caller's own rules.
pub async fn handler(cx: Context, request: Request) -> Result<Response, ApiError> {
    let change = PushRuleChange::Remove(request.kind, request.rule_id);
    cx.node().users().handle(cx.user_id()).change_push_rule(change).await?;
    Ok(Response::new())
}
