//! `PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleid>

use playhouse_actors::user::push_rules::PushRuleChange;
use ruma::{
    api::{
        IncomingRequest,
        auth_scheme::AccessToken,
        client::push::set_pushrule::v3::Response,
        error::{DeserializationError, Error},
        metadata,
    },
    exports::serde_html_form,
    push::{
        Action, NewConditionalPushRule, NewPatternedPushRule, NewPushRule, NewSimplePushRule, PushCondition,
    },
};
use serde::{
    Deserialize,
    de::value::{self, SeqDeserializer},
};

use crate::{ApiError, context::Context};

metadata! {
    @for Request,
    method: PUT,
    rate_limited: true,
    authentication: AccessToken,
    history: {
        1.0 => "/_matrix/client/r0/pushrules/global/{kind}/{rule_id}",
        1.1 => "/_matrix/client/v3/pushrules/global/{kind}/{rule_id}",
    }
}

/// As ruma's, which does not let a rule go without conditions.
#[derive(Debug)]
pub struct Request {
    rule: NewPushRule,
    neighbors: Neighbors,
}

#[derive(Debug, Deserialize)]
struct Neighbors {
    before: Option<String>,
    after: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Override,
    Underride,
    Sender,
    Room,
    Content,
}

#[derive(Deserialize)]
struct Conditional {
    actions: Vec<Action>,
    /// > A rule with no conditions always matches.
    #[serde(default)]
    conditions: Vec<PushCondition>,
}

#[derive(Deserialize)]
struct Patterned {
    actions: Vec<Action>,
    pattern: String,
}

#[derive(Deserialize)]
struct Simple {
    actions: Vec<Action>,
}

impl IncomingRequest for Request {
    type EndpointError = Error;
    type OutgoingResponse = Response;

    fn try_from_http_request_inner(
        request: http::Request<&[u8]>,
        path_args: &[&str],
    ) -> Result<Self, DeserializationError> {
        let args = SeqDeserializer::<_, value::Error>::new(path_args.iter().copied());
        let (kind, rule_id): (Kind, String) = Deserialize::deserialize(args)?;
        let neighbors = serde_html_form::from_str(request.uri().query().unwrap_or_default())?;
        Ok(Self { rule: kind.rule(rule_id, request.body())?, neighbors })
    }
}

impl Kind {
    fn rule(self, rule_id: String, body: &[u8]) -> Result<NewPushRule, DeserializationError> {
        let conditional = |rule_id| {
            let Conditional { actions, conditions } = serde_json::from_slice(body)?;
            Ok::<_, DeserializationError>(NewConditionalPushRule::new(rule_id, conditions, actions))
        };
        Ok(match self {
            Self::Override => NewPushRule::Override(conditional(rule_id)?),
            Self::Underride => NewPushRule::Underride(conditional(rule_id)?),
            Self::Content => {
                let Patterned { actions, pattern } = serde_json::from_slice(body)?;
                NewPushRule::Content(NewPatternedPushRule::new(rule_id, pattern, actions))
            }
            Self::Room => {
                let Simple { actions } = serde_json::from_slice(body)?;
                NewPushRule::Room(NewSimplePushRule::new(rule_id.try_into()?, actions))
            }
            Self::Sender => {
                let Simple { actions } = serde_json::from_slice(body)?;
                NewPushRule::Sender(NewSimplePushRule::new(rule_id.try_into()?, actions))
            }
        })
    }
}

/// Adds a rule, or changes one of the caller's own. The next event is judged by it.
pub async fn handler(cx: Context, request: Request) -> Result<Response, ApiError> {
    let Request { rule, neighbors: Neighbors { before, after } } = request;
    let change = PushRuleChange::Put { rule, before, after };
    cx.node().users().handle(cx.user_id()).change_push_rule(change).await?;
    Ok(Response::new())
}

#[cfg(test)]
mod tests {
    use ruma::api::IncomingRequestExt as _;

    use super::*;

    fn parse(kind: &str, rule_id: &str, body: &str) -> Option<NewPushRule> {
        let request = http::Request::put("/x?before=a&after=b").body(body.as_bytes()).unwrap();
        Request::try_from_http_request(request, &[kind, rule_id]).ok().map(|request| request.rule)
    }

    #[test]
    fn each_kind_of_rule_is_read() {
        let simple = r#"{"actions":["notify",{"set_tweak":"sound","value":"ring"}]}"#;

        assert!(matches!(parse("override", "x", simple), Some(NewPushRule::Override(_))));
        assert!(matches!(parse("underride", "x", simple), Some(NewPushRule::Underride(_))));
        assert!(matches!(parse("room", "!r:a", simple), Some(NewPushRule::Room(_))));
        assert!(matches!(parse("sender", "@u:a", simple), Some(NewPushRule::Sender(_))));
        let content = r#"{"actions":[],"pattern":"cake*lie"}"#;
        assert!(matches!(parse("content", "x", content), Some(NewPushRule::Content(_))));
    }

    #[test]
    fn a_rule_of_the_wrong_shape_is_refused() {
        for (kind, rule_id, body) in [
            ("override", "x", "{}"),
            ("override", "x", r#"{"actions":"notify"}"#),
            ("override", "x", r#"{"actions":[],"conditions":{}}"#),
            ("override", "x", r#"{"actions":[],"conditions":[{}]}"#),
            ("override", "x", r#"{"actions":[1]}"#),
            ("content", "x", r#"{"actions":[]}"#),
            ("content", "x", r#"{"actions":[],"pattern":1}"#),
            ("room", "no room", r#"{"actions":[]}"#),
            ("sender", "no user", r#"{"actions":[]}"#),
            ("sideride", "x", r#"{"actions":[]}"#),
        ] {
            assert!(parse(kind, rule_id, body).is_none(), "{kind} {rule_id} {body}");
        }
    }
}
