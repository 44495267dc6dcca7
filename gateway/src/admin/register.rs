//! `GET` and `POST /_synapse/admin/v1/register`: accounts for whoever has the shared secret, as Synapse makes them.
//!
//! <https://element-hq.github.io/synapse/latest/admin_api/register_api.html>

use hmac::{Hmac, KeyInit as _, Mac as _};
use playhouse_actors::accounts::{NewAccount, NewDevice};
use serde::Deserialize;
use serde_json::json;
use sha1::Sha1;

use crate::{ApiError, IntoReply, Json, endpoint::Incoming};

/// The path.
pub const PATH: &str = "/_synapse/admin/v1/register";

/// What a script sends.
#[derive(Deserialize)]
struct Request {
    nonce: String,
    username: String,
    password: String,
    #[serde(default)]
    displayname: Option<String>,
    #[serde(default)]
    admin: bool,
    #[serde(default)]
    user_type: Option<String>,
    #[serde(default)]
    inhibit_login: bool,
    mac: String,
}

/// Gives out a nonce.
pub async fn nonce(incoming: Incoming) -> Result<impl IntoReply, ApiError> {
    secret(&incoming)?;
    Ok(Json(json!({ "nonce": incoming.gateway.nonces.issue() })))
}

/// Makes an account.
pub async fn handler(incoming: Incoming) -> Result<impl IntoReply, ApiError> {
    let secret = secret(&incoming)?;
    let request: Request = incoming.json()?;
    if !incoming.gateway.nonces.redeem(&request.nonce) {
        return Err(ApiError::bad_request("Unrecognized nonce"));
    }
    request.check(secret)?;

    let node = &incoming.gateway.node;
    let user = node.accounts().available(Some(&request.username)).await?;
    let new = NewAccount { password: Some(request.password), admin: request.admin, agreed_terms: Vec::new() };
    node.accounts().register(&user, new).await?;
    if let Some(name) = request.displayname {
        let value = serde_json::value::to_raw_value(&name).map_err(ApiError::internal)?;
        node.users().handle(&user).set_profile("displayname", Some(value)).await?;
    }
    let home_server = incoming.gateway.config.server_name.to_string();
    if request.inhibit_login {
        return Ok(Json(json!({ "user_id": user, "home_server": home_server })));
    }
    let login = node.accounts().log_in(&user, NewDevice::default()).await?;
    Ok(Json(json!({
        "user_id": login.user_id,
        "home_server": home_server,
        "access_token": login.access_token,
        "device_id": login.device_id,
    })))
}

fn secret(incoming: &Incoming) -> Result<&str, ApiError> {
    let secret = incoming.gateway.config.registration.shared_secret.as_deref();
    secret.ok_or_else(|| ApiError::bad_request("Shared secret registration is not enabled"))
}

impl Request {
    /// Checks the HMAC-SHA1 over nonce, user, password, the admin word and, where there is one, the user type.
    fn check(&self, secret: &str) -> Result<(), ApiError> {
        let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).map_err(ApiError::internal)?;
        let word = if self.admin { "admin" } else { "notadmin" };
        let fields = [&self.nonce, &self.username, &self.password, word];
        mac.update(fields.join("\0").as_bytes());
        if let Some(user_type) = &self.user_type {
            mac.update(b"\0");
            mac.update(user_type.as_bytes());
        }
        let given = hex::decode(&self.mac).unwrap_or_default();
        mac.verify_slice(&given).map_err(|_| ApiError::forbidden("HMAC incorrect"))
    }
}
