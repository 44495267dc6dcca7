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
    let proof =
        Attempt::new(cx.gateway(), &cx.request, None)?.complete(&flows, request.auth.as_ref()).await?;
    let password = request.password.ok_or_else(|| ApiError::missing_param("`password` is missing"))?;
    cx.gateway().limits.take(Class::Registrations, Whose::Address(cx.request.address))?;

    register(&cx, &user, password, &proof).await?;
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
