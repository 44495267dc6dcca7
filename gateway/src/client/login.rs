//! `POST /_matrix/client/*/login`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3login>

pub mod flows;
pub mod get_token;

use http::StatusCode;
use playhouse_actors::accounts::NewDevice;
use ruma::{
    OwnedUserId,
    api::client::session::login::v3::{
        DiscoveryInfo, HomeserverInfo, LoginInfo, Password, Request, Response,
    },
    api::error::ErrorCode,
};

use crate::{Anyone, ApiError, Context, IntoReply, password};

/// Logs a device in, with a password or with a token of another device.
pub async fn handler(cx: Context<Anyone>, request: Request) -> Result<impl IntoReply, ApiError> {
    let user = whose(&cx, &request.login_info).await?;
    let device = NewDevice {
        device_id: request.device_id,
        display_name: request.initial_device_display_name,
        refreshable: request.refresh_token,
    };
    let login = cx.node().accounts().log_in(&user, device).await?;

    let mut response = Response::new(login.user_id, login.access_token, login.device_id);
    response.refresh_token = login.refresh_token;
    response.expires_in = login.expires_in;
    let client_url = cx.config().well_known.client.clone();
    response.well_known = client_url.map(|url| DiscoveryInfo::new(HomeserverInfo::new(url)));
    Ok(response)
}

/// Who proves to be whom.
async fn whose(cx: &Context<Anyone>, login: &LoginInfo) -> Result<OwnedUserId, ApiError> {
    match login {
        LoginInfo::Password(login) => {
            let identifier = identifier(login)?;
            password::verify(cx.gateway(), cx.request.address, identifier, &login.password).await
        }
        LoginInfo::Token(login) => Ok(cx.node().accounts().use_login_token(&login.token).await?),
        LoginInfo::ApplicationService(_) => {
            let message = "This server has no application services";
            Err(ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::AppserviceLoginUnsupported, message))
        }
        other => Err(ApiError::bad_request(format!("Bad login type: {}", other.login_type()))),
    }
}

/// The `identifier`, or the `user` of clients from before it.
fn identifier(login: &Password) -> Result<&str, ApiError> {
    #[expect(deprecated, reason = "old clients still send it")]
    let legacy = login.user.as_deref();
    match &login.identifier {
        Some(identifier) => {
            password::named(identifier).ok_or_else(|| ApiError::forbidden("Wrong user name or password"))
        }
        None => legacy.ok_or_else(|| ApiError::missing_param("`identifier` is missing")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{
        config::ClassRate,
        testing::{TestServer, TestUser},
    };

    const PATH: &str = "/_matrix/client/v3/login";

    #[tokio::test]
    async fn the_user_may_be_named_in_every_way_that_clients_know() {
        let server = TestServer::start().await;
        let alice = server.registers("alice").await;
        for user in ["alice", "@alice:localhost", "@ALICE:localhost"] {
            let identifier = json!({ "type": "m.id.user", "user": user });
            let body =
                json!({ "type": "m.login.password", "identifier": identifier, "password": alice.password });
            assert_eq!(server.post(PATH, None, &body).await.ok()["user_id"], "@alice:localhost");
        }
        let legacy = json!({ "type": "m.login.password", "user": "alice", "password": alice.password });
        assert_eq!(
            server.post("/_matrix/client/r0/login", None, &legacy).await.ok()["user_id"],
            "@alice:localhost"
        );
    }

    #[tokio::test]
    async fn unknown_users_and_wrong_passwords_look_alike() {
        let server = TestServer::start().await;
        let alice = server.registers("alice").await;
        let wrong = server.post(PATH, None, &alice.password_auth("wrong")).await;
        let bob = TestUser { id: "@bob:localhost".to_owned(), ..alice };
        let unknown = server.post(PATH, None, &bob.login()).await;

        assert_eq!(wrong.error(), (403, "M_FORBIDDEN".to_owned()));
        assert_eq!(wrong.body(), unknown.body());
    }

    #[tokio::test]
    async fn other_kinds_of_login_are_refused() {
        let server = TestServer::start().await;
        let third_party = json!({ "type": "m.id.thirdparty", "medium": "email", "address": "a@b.c" });
        let cases = [
            (json!({ "type": "m.login.sso" }), 400, "M_UNKNOWN"),
            (json!({}), 400, "M_BAD_JSON"),
            (json!({ "type": "m.login.password", "password": "p" }), 400, "M_MISSING_PARAM"),
            (
                json!({ "type": "m.login.password", "password": "p", "identifier": third_party }),
                403,
                "M_FORBIDDEN",
            ),
            (json!({ "type": "m.login.token", "token": "made up" }), 403, "M_FORBIDDEN"),
            (
                json!({ "type": "m.login.application_service", "user": "a" }),
                400,
                "M_APPSERVICE_LOGIN_UNSUPPORTED",
            ),
        ];
        for (body, status, errcode) in cases {
            assert_eq!(server.post(PATH, None, &body).await.error(), (status, errcode.to_owned()), "{body}");
        }
    }

    #[tokio::test]
    async fn a_login_token_is_confirmed_each_time_and_good_once() {
        let server = TestServer::start().await;
        let alice = server.registers("alice").await;
        let path = "/_matrix/client/v1/login/get_token";
        let asked = server.post(path, Some(&alice.token), &json!({})).await;
        let mut auth = alice.login();
        auth["session"] = asked.body()["session"].clone();
        let body = json!({ "auth": auth });

        let issued = server.post(path, Some(&alice.token), &body).await.ok();
        let again = server.post(path, Some(&alice.token), &body).await;

        assert_eq!(issued["expires_in_ms"], 120_000);
        assert_eq!(again.status, 401, "one confirmation serves once");
        let login = json!({ "type": "m.login.token", "token": issued["login_token"] });
        assert_eq!(server.post(PATH, None, &login).await.ok()["user_id"], "@alice:localhost");
        assert_eq!(server.post(PATH, None, &login).await.status, 403);
    }

    #[tokio::test]
    async fn only_wrong_passwords_count_as_wrong_passwords() {
        let rate = ClassRate { per_second: 0.001, burst: 3 };
        let server = TestServer::with(|config| {
            config.rate_limits.enabled = true;
            config.rate_limits.failed_logins = rate;
            config.rate_limits.logins = ClassRate { per_second: 1e3, burst: 1_000 };
        })
        .await;
        let alice = server.registers("alice").await;
        for _ in 0..10 {
            server.logs_in(&alice).await;
        }
        for _ in 0..3 {
            assert_eq!(server.post(PATH, None, &alice.password_auth("wrong")).await.status, 403);
        }

        let limited = server.post(PATH, None, &alice.login()).await;

        assert_eq!(limited.error(), (429, "M_LIMIT_EXCEEDED".to_owned()));
        assert!(limited.body()["retry_after_ms"].is_u64() && limited.headers.contains_key("retry-after"));
    }
}
