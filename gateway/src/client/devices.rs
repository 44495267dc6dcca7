//! `/devices`: the caller's devices.

pub mod delete;
pub mod get;
pub mod list;
pub mod update;

use playhouse_actors::accounts::DeviceInfo;
use ruma::{MilliSecondsSinceUnixEpoch, UInt, api::client::device::Device};

/// A device as clients see it.
fn rendered(info: DeviceInfo) -> Device {
    let mut device = Device::new(info.device_id);
    device.display_name = info.display_name;
    device.last_seen_ip = info.last_seen_ip;
    device.last_seen_ts = info.last_seen_ts.and_then(UInt::new).map(MilliSecondsSinceUnixEpoch);
    device
}

#[cfg(test)]
mod tests {
    use http::Method;
    use serde_json::json;

    use crate::testing::TestServer;

    #[tokio::test]
    async fn devices_are_listed_named_and_removed() {
        let server = TestServer::start().await;
        let alice = server.registers("alice").await;
        let other = server.logs_in(&alice).await;
        let token = Some(&*alice.token);
        let path = format!("/_matrix/client/v3/devices/{}", other.device);

        let listed = server.get("/_matrix/client/v3/devices", token).await.ok();
        assert_eq!(listed["devices"].as_array().unwrap().len(), 2);
        server.json(Method::PUT, &path, token, &json!({ "display_name": "Phone" })).await.ok();
        let shown = server.get(&path, token).await.ok();
        assert_eq!((&shown["device_id"], &shown["display_name"]), (&json!(other.device), &json!("Phone")));

        let asked = server.bytes(Method::DELETE, &path, token, "").await;
        assert!(asked.status == 401 && asked.body()["session"].is_string());
        server.json(Method::DELETE, &path, token, &json!({ "auth": alice.login() })).await.ok();

        assert_eq!(server.get(&path, token).await.error(), (404, "M_NOT_FOUND".to_owned()));
        assert_eq!(server.get("/_matrix/client/v3/devices", Some(&other.token)).await.status, 401);
        let again = server.json(Method::DELETE, &path, token, &json!({ "auth": alice.login() })).await;
        assert_eq!(again.status, 200, "it had been removed before");
    }

    #[tokio::test]
    async fn unknown_devices_are_not_found() {
        let server = TestServer::start().await;
        let alice = server.registers("alice").await;
        let path = "/_matrix/client/v3/devices/NOBODY";
        for body in [json!({ "display_name": "x" }), json!({})] {
            let answer = server.json(Method::PUT, path, Some(&alice.token), &body).await;
            assert_eq!(answer.error(), (404, "M_NOT_FOUND".to_owned()));
        }
    }

    #[tokio::test]
    async fn many_devices_go_at_once() {
        let server = TestServer::start().await;
        let alice = server.registers("alice").await;
        let (one, two) = (server.logs_in(&alice).await, server.logs_in(&alice).await);

        let body = json!({ "devices": [one.device, two.device, "NOBODY"], "auth": alice.login() });
        server.post("/_matrix/client/v3/delete_devices", Some(&alice.token), &body).await.ok();

        let left = server.get("/_matrix/client/v3/devices", Some(&alice.token)).await.ok();
        assert_eq!(left["devices"].as_array().unwrap().len(), 1);
    }
}
