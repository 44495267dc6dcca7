//! Filters are stored and come back as they were.

use playhouse_tests::{World, json, segment};

#[tokio::test]
async fn a_filter_is_kept_and_read_back() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let filter = json!({ "room": { "timeline": { "limit": 10, "types": ["m.room.message"] } } });
    let path = format!("/v3/user/{}/filter", segment(&alice.id));

    let answer = alice.post(&path, filter.clone()).await.ok();

    let id = answer["filter_id"].as_str().expect("an id");
    assert!(!id.starts_with('{'));
    assert_eq!(alice.get(&format!("{path}/{}", segment(id))).await.ok(), filter);
}

#[tokio::test]
async fn filters_of_others_and_unknown_filters_are_refused() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let of_bob = format!("/v3/user/{}/filter", segment(&bob.id));

    alice.post(&of_bob, json!({})).await.refused(403, "M_FORBIDDEN");
    assert_eq!(alice.get(&format!("{of_bob}/0")).await.status, 403);
    alice.get(&format!("/v3/user/{}/filter/9999", segment(&alice.id))).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn a_filter_of_the_wrong_shape_is_refused() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let path = format!("/v3/user/{}/filter", segment(&alice.id));

    for filter in [
        json!({ "room": { "timeline": { "limit": "many" } } }),
        json!({ "room": { "rooms": "all" } }),
        json!({ "room": [] }),
        json!({ "presence": { "senders": [7] } }),
        json!([]),
    ] {
        let reply = alice.post(&path, filter.clone()).await;
        assert_eq!(reply.status, 400, "{filter} gave {}", reply.body);
    }
}

#[tokio::test]
async fn a_filter_limits_what_sync_tells() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;
    for n in 0..5 {
        alice.sends(&room, &format!("line {n}")).await;
    }
    alice.sends_event(&room, "org.example.noise", json!({})).await.ok();

    let filter = json!({
        "room": { "timeline": { "limit": 2, "types": ["m.room.message"] }, "state": { "types": ["m.room.create"] } },
    });
    let sync = alice.syncs_from(None, &format!("filter={}", segment(&filter.to_string()))).await;

    assert_eq!(sync.messages(&room), ["line 3", "line 4"]);
    assert_eq!(sync.timeline(&room).len(), 2);
    assert!(sync.state(&room).iter().all(|e| e["type"] == "m.room.create"));
    assert_eq!(sync.joined(&room)["timeline"]["limited"], true);
}

#[tokio::test]
async fn a_filter_leaves_out_rooms_and_senders() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let loud = world.room_of(&[&alice, &bob]).await;
    let quiet = world.room_of(&[&alice, &bob]).await;
    bob.sends(&loud, "from bob").await;
    alice.sends(&loud, "from alice").await;

    let filter = json!({ "room": { "not_rooms": [quiet], "timeline": { "not_senders": [bob.id] } } });
    let sync = alice.syncs_from(None, &format!("filter={}", segment(&filter.to_string()))).await;

    assert!(sync.joined(&quiet).is_null());
    assert_eq!(sync.messages(&loud), ["from alice"]);
}
