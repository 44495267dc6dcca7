//! What a client learns before it logs in: versions, capabilities, the answer to what does not exist, CORS.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use playhouse_tests::{World, json};

#[tokio::test]
async fn versions_name_specification_releases() {
    let world = World::start().await;

    let answer = world.request("GET", "/_matrix/client/versions", None).await.ok();

    let versions = answer["versions"].as_array().expect("a list");
    assert!(versions.iter().any(|v| v == "v1.11"), "{versions:?}");
}

#[tokio::test]
async fn capabilities_name_the_room_versions_and_need_a_token() {
    let world = World::start().await;
    let alice = world.user("alice").await;

    let answer = alice.get("/v3/capabilities").await.ok();

    let versions = &answer["capabilities"]["m.room_versions"];
    let default = versions["default"].as_str().expect("a default");
    assert_eq!(versions["available"][default], "stable");
    for version in ["6", "7", "8", "9", "10", "11", "12"] {
        assert_eq!(versions["available"][version], "stable", "room version {version}");
    }
    world.request("GET", "/_matrix/client/v3/capabilities", None).await.refused(401, "M_MISSING_TOKEN");
}

#[tokio::test]
async fn new_rooms_are_version_12() {
    let world = World::start().await;
    let alice = world.user("alice").await;

    let room = alice.creates_room(json!({})).await;

    let create = alice.reads_state(&room, "m.room.create", "").await.ok();
    assert_eq!(create["room_version"], "12");
    assert!(!room.contains(':'), "{room}");
}

#[tokio::test]
async fn an_unknown_path_is_unrecognized() {
    let world = World::start().await;

    for path in ["/_matrix/client/v3/nothing", "/_matrix/unknown", "/_matrix/client/v99/sync"] {
        world.request("GET", path, None).await.refused(404, "M_UNRECOGNIZED");
    }
}

#[tokio::test]
async fn a_wrong_method_is_unrecognized() {
    let world = World::start().await;

    world.request("PUT", "/_matrix/client/v3/login", json!({})).await.refused(405, "M_UNRECOGNIZED");
    world.request("DELETE", "/_matrix/client/versions", None).await.refused(405, "M_UNRECOGNIZED");
}

#[tokio::test]
async fn a_browser_of_any_origin_may_ask() {
    let world = World::start().await;

    let url = format!("{}/_matrix/client/v3/login", world.server.url());
    let preflight =
        Request::options(url).header("origin", "https://chat.example").body(Full::<Bytes>::default());
    let reply = world.http().send_request(preflight.expect("a request")).await.expect("an answer");
    let plain = world.request("GET", "/_matrix/client/versions", None).await;

    assert!(matches!(reply.status, 200 | 204), "{}", reply.status);
    for answer in [reply, plain] {
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    }
}

#[tokio::test]
async fn a_refusal_carries_cors_headers_too() {
    let world = World::start().await;

    let reply = world.request("GET", "/_matrix/client/v3/account/whoami", None).await;

    assert_eq!(reply.header("access-control-allow-origin"), "*");
    reply.refused(401, "M_MISSING_TOKEN");
}
