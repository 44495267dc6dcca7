//! `GET /_matrix/client/*/capabilities`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#capabilities-negotiation>

use playhouse_rules::RoomVersion;
use ruma::api::client::discovery::get_capabilities::v3::Request;
use serde_json::{Map, json};

use crate::{ApiError, Context, IntoReply, Json};

/// Says what the server lets the caller do. By hand: ruma leaves out what equals a default, and clients look for it.
pub async fn handler(cx: Context, _: Request) -> Result<impl IntoReply, ApiError> {
    let stable = |version: &RoomVersion| (version.id().to_string(), "stable".into());
    let available: Map<_, _> = RoomVersion::SUPPORTED.iter().map(stable).collect();
    Ok(Json(json!({ "capabilities": {
        "m.change_password": { "enabled": true },
        "m.room_versions": { "default": cx.config().default_room_version, "available": available },
        "m.set_displayname": { "enabled": true },
        "m.set_avatar_url": { "enabled": true },
        "m.profile_fields": { "enabled": true },
        "m.3pid_changes": { "enabled": false },
        "m.get_login_token": { "enabled": true },
    }})))
}

#[cfg(test)]
mod tests {
    use crate::testing::TestServer;

    #[tokio::test]
    async fn what_clients_look_for_is_there_even_where_it_is_the_default() {
        let server = TestServer::start().await;
        let alice = server.registers("alice").await;

        let all = server.get("/_matrix/client/v3/capabilities", Some(&alice.token)).await.ok();

        assert_eq!(all["capabilities"]["m.change_password"]["enabled"], true);
        assert_eq!(all["capabilities"]["m.room_versions"]["default"], "12");
        assert_eq!(all["capabilities"]["m.room_versions"]["available"]["6"], "stable");
        assert_eq!(server.get("/_matrix/client/v3/capabilities", None).await.status, 401);
    }
}
