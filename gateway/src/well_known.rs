//! `/.well-known/matrix/`: how clients, servers and people find this server.

pub mod client;
pub mod server;
pub mod support;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::TestServer;

    #[tokio::test]
    async fn what_is_configured_is_published_and_the_rest_is_not_found() {
        let server = TestServer::with(|config| {
            config.well_known.client = Some("https://matrix.a.b".to_owned());
            config.well_known.support_admin_email = Some("admin@a.b".to_owned());
        })
        .await;
        let file = async |name: &str| server.get(&format!("/.well-known/matrix/{name}"), None).await;

        assert_eq!(
            file("client").await.ok(),
            json!({ "m.homeserver": { "base_url": "https://matrix.a.b" } })
        );
        let contact = json!({ "role": "m.role.admin", "email_address": "admin@a.b" });
        assert_eq!(file("support").await.ok(), json!({ "contacts": [contact] }));
        assert_eq!(file("server").await.error(), (404, "M_NOT_FOUND".to_owned()));
        assert_eq!(file("client").await.headers["access-control-allow-origin"], "*");
    }
}
