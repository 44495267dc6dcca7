//! Hostile and broken input: the right 4xx, in bounded time, at no one else's cost.

use playhouse_tests::{World, json, segment};

const NOT_JSON: [&str; 6] = ["", "{", "[1,2", "nonsense", "{\"a\":}", "\u{feff}{}"];

#[tokio::test]
async fn what_is_no_json_is_refused() {
    let world = World::start().await;
    let alice = world.user("alice").await;

    for body in NOT_JSON {
        for path in ["/v3/createRoom", "/v3/keys/query", "/v3/account/password"] {
            let path = format!("/_matrix/client{path}");
            let reply = world.http().send_bytes("POST", &path, Some(&alice.token), Some(body.into())).await;
            let reply = reply.expect("an answer");
            if body.is_empty() {
                continue; // taken for an empty object, where that makes sense
            }
            reply.refused(400, "M_NOT_JSON");
        }
    }
}

#[tokio::test]
async fn json_that_is_no_object_is_refused() {
    let world = World::start().await;
    let alice = world.user("alice").await;

    for body in [json!([]), json!("text"), json!(7), json!(null), json!(true)] {
        alice.post("/v3/createRoom", body).await.refused(400, "M_BAD_JSON");
    }
}

#[tokio::test]
async fn bytes_that_are_no_utf8_are_refused() {
    let world = World::start().await;
    let alice = world.user("alice").await;

    let body = b"{\"name\":\"\xff\xfe\"}".to_vec();
    let reply =
        world.http().send_bytes("POST", "/_matrix/client/v3/createRoom", Some(&alice.token), Some(body));
    reply.await.expect("an answer").refused(400, "M_NOT_JSON");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let world = World::start().await;

    let body = vec![b' '; 40 << 20];
    let reply = world.http().send_bytes("POST", "/_matrix/client/v3/login", None, Some(body)).await;

    // The server may close the connection before all of the body was taken.
    if let Ok(reply) = reply {
        reply.refused(413, "M_TOO_LARGE");
    }
    world.request("GET", "/_matrix/client/versions", None).await.ok();
}

#[tokio::test]
async fn deep_json_is_refused() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;

    for depth in [2_000, 30_000] {
        let body = format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/d{depth}", segment(&room));
        let reply = world.http().send_bytes("PUT", &path, Some(&alice.token), Some(body.into())).await;
        let reply = reply.expect("an answer");
        assert!(matches!(reply.status, 400 | 413), "{} {}", reply.status, reply.body);
    }
    alice.sends(&room, "still here").await;
}

#[tokio::test]
async fn numbers_that_events_cannot_hold_are_refused() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;

    for (n, number) in ["1.5", "9007199254740992", "-9007199254740992", "1e400", "NaN", "Infinity", "-0.1"]
        .iter()
        .enumerate()
    {
        let body = format!("{{\"body\":\"x\",\"msgtype\":\"m.text\",\"deep\":[{{\"n\":{number}}}]}}");
        let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/n{n}", segment(&room));
        let reply = world.http().send_bytes("PUT", &path, Some(&alice.token), Some(body.into())).await;
        let reply = reply.expect("an answer");
        assert_eq!(reply.status, 400, "{number}: {}", reply.body);
    }
    let largest = json!({ "n": 9_007_199_254_740_991_i64, "m": -9_007_199_254_740_991_i64 });
    alice.sends_event(&room, "org.example.number", largest).await.ok();
}

#[tokio::test]
async fn lone_surrogates_are_refused_and_harm_nobody() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;

    let body = "{\"body\":\"\\ud800\",\"msgtype\":\"m.text\"}";
    let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/s", segment(&room));
    let reply = world
        .http()
        .send_bytes("PUT", &path, Some(&alice.token), Some(body.into()))
        .await
        .expect("an answer");

    assert_eq!(reply.status, 400, "{}", reply.body);
    alice.sends(&room, "fine \u{1F4A5}").await;
    bob.hears(&room, "fine \u{1F4A5}").await;
}

#[tokio::test]
async fn ids_of_the_wrong_shape_are_refused() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;

    for id in ["nonsense", "../../etc/passwd", "@", "@a", "!room:localhost", "", "@alice:localhost\u{0}"] {
        let reply = alice.acts_in(&room, "invite", json!({ "user_id": id })).await;
        assert!(matches!(reply.status, 400 | 403), "{id:?}: {} {}", reply.status, reply.body);
    }
    for id in ["nonsense", "..%2F..%2Fetc", "%40alice%3Alocalhost", "%00"] {
        let reply = alice.get(&format!("/v3/rooms/{id}/state")).await;
        assert!(matches!(reply.status, 400 | 403 | 404), "{id}: {} {}", reply.status, reply.body);
    }
}

#[tokio::test]
async fn wrong_types_in_every_field_get_400_and_no_crash() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;
    let in_room = |verb: &str| format!("/v3/rooms/{}/{verb}", segment(&room));
    let wrong = [json!(-1), json!([{}]), json!({ "a": [] })];

    for (path, field) in [
        ("/v3/createRoom".to_owned(), "name"),
        ("/v3/createRoom".to_owned(), "topic"),
        ("/v3/createRoom".to_owned(), "invite"),
        ("/v3/createRoom".to_owned(), "room_version"),
        ("/v3/createRoom".to_owned(), "room_alias_name"),
        ("/v3/createRoom".to_owned(), "visibility"),
        ("/v3/createRoom".to_owned(), "initial_state"),
        (in_room("invite"), "user_id"),
        (in_room("kick"), "user_id"),
        (in_room("ban"), "user_id"),
        (in_room("unban"), "user_id"),
        ("/v3/keys/query".to_owned(), "device_keys"),
        ("/v3/keys/claim".to_owned(), "one_time_keys"),
        ("/v3/publicRooms".to_owned(), "limit"),
        ("/v3/room_keys/version".to_owned(), "algorithm"),
        ("/v3/login".to_owned(), "type"),
        ("/v3/refresh".to_owned(), "refresh_token"),
    ] {
        for value in &wrong {
            if field == "limit" && value.is_i64() || field == "device_keys" && value.is_object() {
                continue;
            }
            let reply = alice.post(&path, json!({ field: value })).await;
            assert_eq!(reply.status, 400, "{path} {field}={value}: {}", reply.body);
        }
    }
    alice.sends(&room, "still here").await;
}

#[tokio::test]
async fn wrong_values_in_the_query_get_400() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;

    for path in [
        "/v3/sync?timeout=soon".to_owned(),
        "/v3/sync?full_state=maybe".to_owned(),
        "/v3/sync?filter=%7Bnonsense".to_owned(),
        "/v3/sync?filter=9999".to_owned(),
        format!("/v3/rooms/{}/messages?dir=b&limit=few", segment(&room)),
        format!("/v3/rooms/{}/members?membership=dancing", segment(&room)),
    ] {
        let reply = alice.get(&path).await;
        assert_eq!(reply.status, 400, "{path}: {}", reply.body);
    }
}

#[tokio::test]
async fn a_hostile_glob_costs_no_one_anything() {
    let world = World::start().await;
    let (alice, mallory) = (world.user("alice").await, world.user("mallory").await);
    let room = world.room_of(&[&alice, &mallory]).await;
    let pattern = "*a".repeat(200);
    let rule = json!({ "pattern": pattern, "actions": ["notify"] });
    mallory.put("/v3/pushrules/global/content/evil", rule).await;

    let began = std::time::Instant::now();
    alice.sends(&room, &"a".repeat(30_000)).await;
    mallory.syncs().await;

    assert!(began.elapsed() < std::time::Duration::from_secs(5));
}
