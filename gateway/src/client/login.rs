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
