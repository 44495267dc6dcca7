//! `/_matrix/client/v3/pushrules/…`: which events notify the user.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#push-rules-api>

pub mod actions;
pub mod delete;
pub mod enabled;
pub mod get;
pub mod get_all;
pub mod get_global;
pub mod put;

use playhouse_rules::push::PushRules;
use ruma::push::{AnyPushRuleRef, RuleKind};

use crate::{ApiError, context::Context};

/// The caller's rules.
async fn rules(cx: &Context) -> Result<PushRules, ApiError> {
    let feed = cx.node().users().feed(cx.user_id()).await?;
    Ok(feed.data().push_rules(cx.user_id()))
}

/// One of the rules.
///
/// # Errors
/// `M_NOT_FOUND`.
fn rule<'r>(rules: &'r PushRules, kind: &RuleKind, rule_id: &str) -> Result<AnyPushRuleRef<'r>, ApiError> {
    let rule = rules.ruleset().get(kind.clone(), rule_id);
    rule.ok_or_else(|| ApiError::not_found("There is no such push rule"))
}
