//! The list of a user's devices.

use playhouse_tests::{World, json};

#[tokio::test]
async fn devices_are_listed_named_and_read_one_by_one() {
    let world = World::start().await;
    let phone = world.user("alice").await;
    let laptop = phone.logs_in().await;

    let path = format!("/v3/devices/{}", laptop.device);
    phone.put(&path, json!({ "display_name": "laptop" })).await.ok();

    assert_eq!(phone.get(&path).await.ok()["display_name"], "laptop");
    let listed = phone.get("/v3/devices").await.ok();
    let mut ids: Vec<_> =
        listed["devices"].as_array().expect("a list").iter().map(|d| d["device_id"].clone()).collect();
    ids.sort_by_key(ToString::to_string);
    let mut wanted = vec![json!(phone.device), json!(laptop.device)];
    wanted.sort_by_key(ToString::to_string);
    assert_eq!(ids, wanted);
}

#[tokio::test]
async fn an_unknown_device_is_not_found() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);

    alice.get("/v3/devices/NOWHERE").await.refused(404, "M_NOT_FOUND");
    alice.put("/v3/devices/NOWHERE", json!({ "display_name": "x" })).await.refused(404, "M_NOT_FOUND");
    alice.get(&format!("/v3/devices/{}", bob.device)).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn deleting_a_device_needs_the_password_and_ends_its_token() {
    let world = World::start().await;
    let phone = world.user("alice").await;
    let laptop = phone.logs_in().await;
    let path = format!("/_matrix/client/v3/devices/{}", laptop.device);

    let asked = phone.request("DELETE", &path, json!({})).await;
    assert_eq!(asked.status, 401);
    laptop.get("/v3/account/whoami").await.ok();
    let auth = phone.password_auth(&asked.body["session"]);
    phone.request("DELETE", &path, json!({ "auth": auth })).await.ok();

    laptop.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    phone.get(&format!("/v3/devices/{}", laptop.device)).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn several_devices_are_deleted_at_once() {
    let world = World::start().await;
    let phone = world.user("alice").await;
    let (laptop, watch) = (phone.logs_in().await, phone.logs_in().await);
    let devices = json!([laptop.device, watch.device]);

    let asked = phone.post("/v3/delete_devices", json!({ "devices": devices })).await;
    let auth = phone.password_auth(&asked.body["session"]);
    phone.post("/v3/delete_devices", json!({ "devices": devices, "auth": auth })).await.ok();

    for gone in [laptop, watch] {
        gone.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    }
    phone.get("/v3/account/whoami").await.ok();
}
