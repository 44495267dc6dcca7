//! `POST /_matrix/client/*/account/deactivate`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountdeactivate>

use std::sync::Arc;

use playhouse_actors::accounts::Session;
use ruma::api::client::account::{
    ThirdPartyIdRemovalStatus,
    deactivate::v3::{Request, Response},
};

use crate::{
    ApiError, Context, IntoReply,
    uia::{Attempt, Flows},
};

/// Ends an account, confirmed by its password, with an access token or without.
pub async fn handler(
    cx: Context<Option<Arc<Session>>>,
    request: Request,
) -> Result<impl IntoReply, ApiError> {
    let caller = cx.caller.as_deref().map(|session| &*session.user_id);
    let attempt = Attempt::new(cx.gateway(), &cx.request, caller)?;
    let proof = attempt.complete(&Flows::password(), request.auth.as_ref()).await?;
    let user = proof.user.ok_or_else(|| ApiError::internal("a password was checked and nobody's"))?;

    cx.node().accounts().deactivate(&user, request.erase).await?;
    // There are no third-party ids to unbind, which the specification calls a success.
    Ok(Response::new(ThirdPartyIdRemovalStatus::Success))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::TestServer;

    const PATH: &str = "/_matrix/client/v3/account/deactivate";

    #[tokio::test]
    async fn an_account_ends_only_by_its_password() {
        let server = TestServer::start().await;
        let alice = server.registers("alice").await;
        let asked = server.post(PATH, Some(&alice.token), &json!({})).await;
        assert_eq!(asked.body()["flows"], json!([{ "stages": ["m.login.password"] }]));
        let wrong = json!({ "auth": alice.password_auth("wrong") });
        let refused = server.post(PATH, Some(&alice.token), &wrong).await;
        assert_eq!(refused.error(), (401, "M_FORBIDDEN".to_owned()));

        let done = server.post(PATH, Some(&alice.token), &json!({ "auth": alice.login() })).await.ok();

        assert_eq!(done, json!({ "id_server_unbind_result": "success" }));
        let whoami = server.get("/_matrix/client/v3/account/whoami", Some(&alice.token)).await;
        assert_eq!(whoami.error(), (401, "M_UNKNOWN_TOKEN".to_owned()));
        assert_eq!(server.post("/_matrix/client/v3/login", None, &alice.login()).await.status, 403);
    }
}
