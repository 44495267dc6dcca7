//! What an operator relies on: health, metrics, limits, and a configuration that says what is wrong.

use playhouse_tests::{Http, Setup, World, json};

#[tokio::test]
async fn health_and_readiness_answer() {
    let world = World::start().await;

    for path in ["/health", "/ready"] {
        assert!(world.request("GET", path, None).await.is_ok(), "{path}");
    }
}

#[tokio::test]
async fn metrics_are_prometheus_text_without_users_or_rooms() {
    let world = World::with(Setup::default().set("metrics.address", "127.0.0.1:9077")).await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;
    alice.sends(&room, "hello").await;

    let reply =
        Http::new("http://127.0.0.1:9077").send("GET", "/metrics", None, None).await.expect("an answer");

    let text = reply.ok().as_str().expect("text").to_owned();
    assert!(text.contains("# TYPE playhouse_"), "{text}");
    assert!(!text.contains("alice") && !text.contains(&room), "{text}");
}

#[tokio::test]
async fn rate_limits_say_how_long_to_wait() {
    let world = World::with(Setup::default().set("rate_limits.enabled", true)).await;
    let wish = json!({
        "type": "m.login.password", "identifier": { "type": "m.id.user", "user": "nobody" }, "password": "wrong",
    });

    let mut limited = None;
    for _ in 0..200 {
        let reply = world.request("POST", "/_matrix/client/v3/login", wish.clone()).await;
        if reply.status == 429 {
            limited = Some(reply);
            break;
        }
    }

    let reply = limited.expect("200 wrong passwords in a row are not held up");
    assert!(!reply.header("retry-after").is_empty());
    let body = reply.refused(429, "M_LIMIT_EXCEEDED");
    assert!(body["retry_after_ms"].is_u64(), "{body}");
}

#[tokio::test]
async fn a_server_name_of_ones_own_is_used_everywhere() {
    let world = World::with(Setup::default().set("server_name", "play.example")).await;
    let alice = world.user("alice").await;

    assert_eq!(alice.id, "@alice:play.example");
    let room = alice.creates_room(json!({ "room_version": "11", "room_alias_name": "stage" })).await;
    assert!(room.ends_with(":play.example"), "{room}");
    alice.joins("#stage:play.example").await;
}
