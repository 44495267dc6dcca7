//! `POST /_matrix/client/*/register`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3register>

pub mod available;
pub mod registration_token_validity;

use http::StatusCode;
use playhouse_actors::accounts::{AccountError, Login, NewAccount, NewDevice};
use ruma::{
    OwnedDeviceId, OwnedUserId, UserId,
    api::client::account::register::{RegistrationKind, v3::Request},
    api::error::ErrorCode,
};
use serde::Serialize;

use crate::{
    Anyone, ApiError, Context, IntoReply, Json,
    limits::{Class, Whose},
    uia::{Attempt, Flows, Policies, Proof},
};

/// The answer. By hand: ruma renders a missing device as `null`.
#[derive(Debug, Serialize)]
pub struct Registered {
    user_id: OwnedUserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<OwnedDeviceId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in_ms: Option<u128>,
}

/// Makes an account and logs its first device in.
pub async fn handler(cx: Context<Anyone>, request: Request) -> Result<impl IntoReply, ApiError> {
    refuse_what_is_not_offered(&cx, &request)?;
    // Checked before the stages, so that nobody goes through them for a name that cannot be had.
    let user = cx.node().accounts().available(request.username.as_deref()).await?;
    let flows = Flows::registration(&cx.config().registration);
    let attempt = Attempt::to_register(cx.gateway(), &cx.request)?;
    let proof = attempt.complete(&flows, request.auth.as_ref()).await?;
    let password = request.password.ok_or_else(|| ApiError::missing_param("`password` is missing"))?;
    cx.gateway().limits.take(Class::Registrations, Whose::Address(cx.request.address))?;

    register(&cx, &user, password, &proof).await?;
    proof.spend(cx.gateway());
    if request.inhibit_login {
        return Ok(Json(Registered::without_login(user)));
    }
    let device = NewDevice {
        device_id: request.device_id,
        display_name: request.initial_device_display_name,
        refreshable: request.refresh_token,
    };
    let login = cx.node().accounts().log_in(&user, device).await?;
    Ok(Json(Registered::with_login(login)))
}

fn refuse_what_is_not_offered(cx: &Context<Anyone>, request: &Request) -> Result<(), ApiError> {
    if request.kind != RegistrationKind::User {
        let message = "This server has no guests";
        return Err(ApiError::new(StatusCode::FORBIDDEN, ErrorCode::GuestAccessForbidden, message));
    }
    if request.login_type.is_some() {
        return Err(ApiError::forbidden("This server has no application services"));
    }
    if !cx.config().registration.is_possible() {
        return Err(ApiError::forbidden("Registration is disabled"));
    }
    Ok(())
}

/// Makes the account; a registration token counts only where that works.
async fn register(
    cx: &Context<Anyone>,
    user: &UserId,
    password: String,
    proof: &Proof,
) -> Result<(), ApiError> {
    let accounts = cx.node().accounts();
    if let Some(token) = &proof.registration_token
        && !accounts.use_registration_token(token).await?
    {
        return Err(ApiError::forbidden("This registration token is used up"));
    }
    let agreed_terms = Policies(&cx.config().registration.terms).agreed();
    let new = NewAccount { password: Some(password), admin: false, agreed_terms };
    let made = accounts.register(user, new).await;
    if let (
        Some(token),
        Err(AccountError::UserInUse | AccountError::WeakPassword(_) | AccountError::PasswordTooLong),
    ) = (&proof.registration_token, &made)
    {
        accounts.give_back_registration_token(token).await?;
    }
    Ok(made?)
}

impl Registered {
    fn without_login(user_id: OwnedUserId) -> Self {
        Self { user_id, access_token: None, device_id: None, refresh_token: None, expires_in_ms: None }
    }

    fn with_login(login: Login) -> Self {
        Self {
            user_id: login.user_id,
            access_token: Some(login.access_token),
            device_id: Some(login.device_id),
            refresh_token: login.refresh_token,
            expires_in_ms: login.expires_in.map(|life| life.as_millis()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{config::RegistrationToken, testing::TestServer};

    const PATH: &str = "/_matrix/client/v3/register";

    #[tokio::test]
    async fn the_first_answer_lists_the_flows() {
        let server = TestServer::start().await;

        let answer = server.post(PATH, None, &json!({})).await;

        assert_eq!(answer.status, 401);
        let body = answer.body();
        assert_eq!(body["flows"], json!([{ "stages": ["m.login.dummy"] }]));
        assert!(body["session"].is_string() && body["params"].is_object() && body.get("errcode").is_none());
    }

    #[tokio::test]
    async fn a_user_gets_the_name_the_device_and_the_tokens_that_were_asked_for() {
        let server = TestServer::start().await;
        let body = json!({
            "username": "Alice", "password": "p", "device_id": "PHONE", "refresh_token": true,
            "auth": { "type": "m.login.dummy" },
        });

        let answer = server.post(PATH, None, &body).await.ok();

        assert_eq!((&answer["user_id"], &answer["device_id"]), (&json!("@alice:localhost"), &json!("PHONE")));
        assert!(answer["refresh_token"].is_string() && answer["expires_in_ms"].is_u64());
        let token = answer["access_token"].as_str();
        let whoami = server.get("/_matrix/client/v3/account/whoami", token).await.ok();
        assert_eq!(whoami, json!({ "user_id": "@alice:localhost", "device_id": "PHONE" }));
    }

    #[tokio::test]
    async fn inhibit_login_makes_no_device() {
        let server = TestServer::start().await;
        let body = json!({
            "username": "alice", "password": "p", "inhibit_login": true, "auth": { "type": "m.login.dummy" },
        });

        let answer = server.post(PATH, None, &body).await.ok();

        assert_eq!(answer, json!({ "user_id": "@alice:localhost" }));
        let user = ruma::user_id!("@alice:localhost");
        assert!(server.gateway.node.accounts().devices(user).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn names_are_checked_before_any_stage() {
        let server = TestServer::start().await;
        server.registers("alice").await;
        for (name, errcode) in
            [("alice", "M_USER_IN_USE"), ("ALICE", "M_USER_IN_USE"), ("a b", "M_INVALID_USERNAME")]
        {
            let answer = server.post(PATH, None, &json!({ "username": name, "password": "p" })).await;
            assert_eq!(answer.error(), (400, errcode.to_owned()), "{name}");

            let name = name.replace(' ', "%20");
            let available = server.get(&format!("{PATH}/available?username={name}"), None).await;
            assert_eq!(available.error(), (400, errcode.to_owned()), "{name}");
        }
        let free = server.get(&format!("{PATH}/available?username=bob"), None).await.ok();
        assert_eq!(free, json!({ "available": true }));
    }

    #[tokio::test]
    async fn what_is_not_offered_is_refused() {
        let server = TestServer::with(|config| config.registration.open = false).await;
        let body = json!({ "username": "alice", "password": "p", "auth": { "type": "m.login.dummy" } });
        assert_eq!(server.post(PATH, None, &body).await.error(), (403, "M_FORBIDDEN".to_owned()));

        let server = TestServer::start().await;
        let guest = server.post(&format!("{PATH}?kind=guest"), None, &json!({})).await;
        assert_eq!(guest.error(), (403, "M_GUEST_ACCESS_FORBIDDEN".to_owned()));
        let no_password = json!({ "username": "alice", "auth": { "type": "m.login.dummy" } });
        assert_eq!(server.post(PATH, None, &no_password).await.error(), (400, "M_MISSING_PARAM".to_owned()));
        let empty = json!({ "username": "alice", "password": "", "auth": { "type": "m.login.dummy" } });
        assert_eq!(server.post(PATH, None, &empty).await.error(), (400, "M_WEAK_PASSWORD".to_owned()));
    }

    #[tokio::test]
    async fn a_registration_token_admits_as_many_as_it_says() {
        let once = RegistrationToken { token: "once".to_owned(), uses: Some(1) };
        let server = TestServer::with(|config| {
            config.registration.open = false;
            config.registration.tokens = vec![once];
        })
        .await;
        let validity = "/_matrix/client/v1/register/m.login.registration_token/validity?token=once";
        let body = |name: &str, token: &str| {
            let auth = json!({ "type": "m.login.registration_token", "token": token });
            json!({ "username": name, "password": "p", "auth": auth })
        };

        assert_eq!(server.get(validity, None).await.ok(), json!({ "valid": true }));
        let wrong = server.post(PATH, None, &body("alice", "guessed")).await;
        assert_eq!((wrong.status, wrong.body()["errcode"].clone()), (401, json!("M_UNAUTHORIZED")));
        server.post(PATH, None, &body("alice", "once")).await.ok();

        assert_eq!(server.get(validity, None).await.ok(), json!({ "valid": false }));
        assert_eq!(server.post(PATH, None, &body("bob", "once")).await.status, 401);
    }
}
