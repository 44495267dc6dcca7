//! `POST /_matrix/client/*/refresh`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3refresh>

use ruma::api::client::session::refresh_token::v3::{Request, Response};

use crate::{Anyone, ApiError, Context, IntoReply};

/// Exchanges a refresh token for a new pair of tokens.
pub async fn handler(cx: Context<Anyone>, request: Request) -> Result<impl IntoReply, ApiError> {
    let refreshed = cx.node().accounts().refresh(&request.refresh_token).await?;
    let mut response = Response::new(refreshed.access_token);
    response.refresh_token = Some(refreshed.refresh_token);
    response.expires_in_ms = Some(refreshed.expires_in);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::TestServer;

    const PATH: &str = "/_matrix/client/v3/refresh";

    #[tokio::test]
    async fn a_refresh_token_is_exchanged_for_a_pair() {
        let server = TestServer::start().await;
        let alice = server.registers("alice").await;
        let mut login = alice.login();
        login["refresh_token"] = true.into();
        let login = server.post("/_matrix/client/v3/login", None, &login).await.ok();

        let pair = server.post(PATH, None, &json!({ "refresh_token": login["refresh_token"] })).await.ok();

        assert!(pair["refresh_token"].is_string() && pair["expires_in_ms"].is_u64());
        let whoami =
            server.get("/_matrix/client/v3/account/whoami", pair["access_token"].as_str()).await.ok();
        assert_eq!(whoami["device_id"], login["device_id"]);
    }

    #[tokio::test]
    async fn an_unknown_refresh_token_logs_out() {
        let server = TestServer::start().await;

        let answer = server.post(PATH, None, &json!({ "refresh_token": "made up" })).await;

        assert_eq!(answer.error(), (401, "M_UNKNOWN_TOKEN".to_owned()));
        assert_eq!(answer.body()["soft_logout"], false);
    }
}
