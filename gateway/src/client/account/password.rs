//! `POST /_matrix/client/*/account/password`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountpassword>

use std::sync::Arc;

use playhouse_actors::accounts::Session;
use ruma::api::client::account::change_password::v3::{Request, Response};

use crate::{
    ApiError, Context, IntoReply,
    uia::{Attempt, Flows},
};

/// Sets a new password. The old one confirms it, with an access token or without; the device that asks stays logged in.
pub async fn handler(
    cx: Context<Option<Arc<Session>>>,
    request: Request,
) -> Result<impl IntoReply, ApiError> {
    let caller = cx.caller.as_deref();
    let attempt = Attempt::new(cx.gateway(), &cx.request, caller.map(|session| &*session.user_id))?;
    let proof = attempt.complete(&Flows::password(), request.auth.as_ref()).await?;
    let user = proof.user.ok_or_else(|| ApiError::internal("a password was checked and nobody's"))?;

    let keep = caller.map(|session| &session.device_id);
    let accounts = cx.node().accounts();
    accounts.change_password(&user, &request.new_password, keep, request.logout_devices).await?;
    Ok(Response::new())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::TestServer;

    const PATH: &str = "/_matrix/client/v3/account/password";

    #[tokio::test]
    async fn the_device_that_asks_stays_and_the_others_go() {
        let server = TestServer::start().await;
        let alice = server.registers("alice").await;
        let other = server.logs_in(&alice).await;

        let body = json!({ "new_password": "second", "auth": alice.login() });
        server.post(PATH, Some(&alice.token), &body).await.ok();

        let whoami =
            async |token: &str| server.get("/_matrix/client/v3/account/whoami", Some(token)).await.status;
        assert_eq!((whoami(&alice.token).await, whoami(&other.token).await), (200, 401));
        let login = server.post("/_matrix/client/v3/login", None, &alice.password_auth("second")).await;
        assert_eq!(login.status, 200);
    }

    #[tokio::test]
    async fn without_a_token_the_password_says_whose_it_is() {
        let server = TestServer::start().await;
        let alice = server.registers("alice").await;

        let body = json!({ "new_password": "second", "logout_devices": false, "auth": alice.login() });
        server.post(PATH, None, &body).await.ok();

        let login = server.post("/_matrix/client/v3/login", None, &alice.password_auth("second")).await;
        assert_eq!(login.status, 200);
    }
}
