//! `GET` and `POST /_synapse/admin/v1/register`: accounts for whoever has the shared secret, as Synapse makes them.
//!
//! <https://element-hq.github.io/synapse/latest/admin_api/register_api.html>

use hmac::{Hmac, KeyInit as _, Mac as _};
use playhouse_actors::{
    accounts::{NewAccount, NewDevice},
    user::{profile::ProfileField, spread_profile::spread_profile},
};
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
        let name = ProfileField::parse("displayname")?;
        node.users().handle(&user).put_profile_field(&name, value).await?;
        spread_profile(node, &user).await?;
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::TestServer;

    async fn signed(server: &TestServer, mut body: Value, secret: &str) -> Value {
        let nonce = server.get(PATH, None).await.ok()["nonce"].clone();
        body["nonce"] = nonce;
        body["mac"] = "".into();
        let request: Request = serde_json::from_value(body.clone()).unwrap();
        let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).unwrap();
        let word = if request.admin { "admin" } else { "notadmin" };
        mac.update(
            format!("{}\0{}\0{}\0{word}", request.nonce, request.username, request.password).as_bytes(),
        );
        body["mac"] = hex::encode(mac.finalize().into_bytes()).into();
        body
    }

    #[tokio::test]
    async fn who_has_the_secret_makes_administrators() {
        let server = TestServer::start().await;
        let body = json!({ "username": "Root", "password": "p", "admin": true });

        let made = server.post(PATH, None, &signed(&server, body, "shared secret").await).await.ok();

        assert_eq!(made["user_id"], "@root:localhost");
        let account = server.gateway.node.accounts().get(ruma::user_id!("@root:localhost")).await.unwrap();
        assert!(account.unwrap().admin);
        let whoami = server.get("/_matrix/client/v3/account/whoami", made["access_token"].as_str()).await;
        assert_eq!(whoami.status, 200);
    }

    #[tokio::test]
    async fn a_wrong_mac_a_used_nonce_and_a_bad_name_are_refused() {
        let server = TestServer::start().await;
        let body = || json!({ "username": "alice", "password": "p" });
        let forged = signed(&server, body(), "guessed").await;
        assert_eq!(server.post(PATH, None, &forged).await.error(), (403, "M_FORBIDDEN".to_owned()));
        let good = signed(&server, body(), "shared secret").await;
        server.post(PATH, None, &good).await.ok();

        assert_eq!(server.post(PATH, None, &good).await.error(), (400, "M_UNKNOWN".to_owned()));
        let bad_name =
            signed(&server, json!({ "username": "us,er", "password": "p" }), "shared secret").await;
        assert_eq!(server.post(PATH, None, &bad_name).await.error(), (400, "M_INVALID_USERNAME".to_owned()));
    }

    #[tokio::test]
    async fn without_a_secret_it_is_off() {
        let server = TestServer::with(|config| config.registration.shared_secret = None).await;

        assert_eq!(server.get(PATH, None).await.error(), (400, "M_UNKNOWN".to_owned()));
    }
}
