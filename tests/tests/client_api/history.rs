//! Paging back and forth, single events, their context, and who may see what.

use playhouse_tests::{User, Value, World, json, segment};

async fn ten_lines(user: &User, room: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..10 {
        ids.push(user.sends(room, &format!("line {n}")).await);
    }
    ids
}

fn bodies(chunk: &Value) -> Vec<String> {
    let events = chunk.as_array().expect("a list").iter();
    events.filter_map(|e| e["content"]["body"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn paging_back_reaches_the_beginning_without_gap_or_repeat() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;
    ten_lines(&alice, &room).await;

    let (mut seen, mut from) = (Vec::new(), String::new());
    loop {
        let page = alice.asks_in(&room, &format!("messages?dir=b&limit=3{from}")).await.ok();
        seen.extend(page["chunk"].as_array().expect("a list").clone());
        let Some(end) = page["end"].as_str() else { break };
        from = format!("&from={}", segment(end));
    }

    assert_eq!(seen.last().expect("events")["type"], "m.room.create");
    let mut ids: Vec<_> = seen.iter().map(|e| e["event_id"].to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), seen.len(), "an event came twice");
    let wanted: Vec<_> = (0..10).rev().map(|n| format!("line {n}")).collect();
    assert_eq!(bodies(&json!(seen)), wanted);
}

#[tokio::test]
async fn paging_forward_goes_the_other_way() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;
    let start = alice.syncs().await.next_batch().to_owned();
    ten_lines(&alice, &room).await;

    let query = format!("messages?dir=f&limit=4&from={}", segment(&start));
    let page = alice.asks_in(&room, &query).await.ok();

    assert_eq!(bodies(&page["chunk"]), ["line 0", "line 1", "line 2", "line 3"]);
    let query = format!("messages?dir=f&limit=100&from={}", segment(page["end"].as_str().expect("more")));
    assert_eq!(bodies(&alice.asks_in(&room, &query).await.ok()["chunk"]).len(), 6);
}

#[tokio::test]
async fn the_gap_of_a_limited_sync_is_filled_from_its_prev_batch() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    let since = bob.syncs().await.next_batch().to_owned();
    ten_lines(&alice, &room).await;

    let sync =
        bob.syncs_with("timeout=0&filter=%7B%22room%22:%7B%22timeline%22:%7B%22limit%22:3%7D%7D%7D").await;
    assert_eq!(sync.messages(&room), ["line 7", "line 8", "line 9"]);
    assert_eq!(sync.joined(&room)["timeline"]["limited"], true);
    let prev_batch = sync.joined(&room)["timeline"]["prev_batch"].as_str().expect("a token").to_owned();
    let query = format!("messages?dir=b&limit=100&from={}&to={}", segment(&prev_batch), segment(&since));
    let page = bob.asks_in(&room, &query).await.ok();

    let wanted: Vec<_> = (0..7).rev().map(|n| format!("line {n}")).collect();
    assert_eq!(bodies(&page["chunk"]), wanted);
}

#[tokio::test]
async fn messages_are_filtered_and_bring_the_members_they_need() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    bob.sends(&room, "hello").await;
    bob.sends_event(&room, "org.example.noise", json!({})).await.ok();

    let filter = json!({ "types": ["m.room.message"], "lazy_load_members": true }).to_string();
    let page =
        alice.asks_in(&room, &format!("messages?dir=b&limit=10&filter={}", segment(&filter))).await.ok();

    assert_eq!(page["chunk"].as_array().map(Vec::len), Some(1));
    let state: Vec<_> =
        page["state"].as_array().expect("members").iter().map(|e| e["state_key"].clone()).collect();
    assert_eq!(state, [json!(bob.id)]);
}

#[tokio::test]
async fn a_forged_paging_token_is_refused() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;

    for token in ["nonsense", "s", "t-1", "💥", "../../etc"] {
        let query = format!("messages?dir=b&from={}", segment(token));
        let reply = alice.asks_in(&room, &query).await;
        assert_eq!(reply.status, 400, "{token}: {}", reply.body);
    }
    let sideways = alice.asks_in(&room, "messages?dir=sideways").await;
    assert_eq!(sideways.status, 400, "{}", sideways.body);
}

#[tokio::test]
async fn a_single_event_is_read_and_only_by_who_may() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.creates_room(json!({})).await;
    let event = alice.sends(&room, "hello").await;
    let path = format!("event/{}", segment(&event));

    let read = alice.asks_in(&room, &path).await.ok();

    assert_eq!(read["content"]["body"], "hello");
    assert_eq!((&read["event_id"], &read["room_id"]), (&json!(event), &json!(room)));
    assert!(read["origin_server_ts"].is_u64() && read["unsigned"]["age"].is_i64(), "{read}");
    bob.asks_in(&room, &path).await.refused(404, "M_NOT_FOUND");
    alice.asks_in(&room, "event/%24none").await.refused(404, "M_NOT_FOUND");
    let other = alice.creates_room(json!({})).await;
    alice.asks_in(&other, &path).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn context_is_what_stood_around_the_event() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;
    let ids = ten_lines(&alice, &room).await;

    let context = alice.asks_in(&room, &format!("context/{}?limit=4", segment(&ids[5]))).await.ok();

    assert_eq!(context["event"]["content"]["body"], "line 5");
    assert_eq!(bodies(&context["events_before"]), ["line 4", "line 3"]);
    assert_eq!(bodies(&context["events_after"]), ["line 6", "line 7"]);
    assert!(context["state"].as_array().expect("state").iter().any(|e| e["type"] == "m.room.create"));
    let back =
        format!("messages?dir=b&limit=2&from={}", segment(context["start"].as_str().expect("a token")));
    assert_eq!(bodies(&alice.asks_in(&room, &back).await.ok()["chunk"]), ["line 2", "line 1"]);
    let forth = format!("messages?dir=f&limit=2&from={}", segment(context["end"].as_str().expect("a token")));
    assert_eq!(bodies(&alice.asks_in(&room, &forth).await.ok()["chunk"]), ["line 8", "line 9"]);
}

async fn room_with_visibility(world: &World, alice: &User, visibility: &str) -> String {
    let content = json!({ "history_visibility": visibility });
    let state = json!([{ "type": "m.room.history_visibility", "content": content }]);
    let room = alice.creates_room(json!({ "preset": "public_chat", "initial_state": state })).await;
    assert!(world.server.pid().is_some());
    alice.sends(&room, "before").await;
    room
}

#[tokio::test]
async fn history_is_visible_as_the_room_says() {
    let world = World::start().await;
    let alice = world.user("alice").await;

    for (visibility, before_invite, before_join) in [
        ("shared", true, true),
        ("world_readable", true, true),
        ("invited", false, true),
        ("joined", false, false),
    ] {
        let bob = world.user(&format!("bob_{visibility}")).await;
        let room = room_with_visibility(&world, &alice, visibility).await;
        alice.invites(&room, &bob).await;
        alice.sends(&room, "between").await;
        bob.joins(&room).await;
        alice.sends(&room, "after").await;

        let seen = bob.reads_messages(&room).await;
        let wanted = [("after", true), ("between", before_join), ("before", before_invite)];
        let wanted: Vec<_> = wanted.iter().filter(|w| w.1).map(|w| w.0).collect();
        assert_eq!(seen, wanted, "{visibility}");
    }
}

#[tokio::test]
async fn a_world_readable_room_is_read_from_outside() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = room_with_visibility(&world, &alice, "world_readable").await;
    let closed = room_with_visibility(&world, &alice, "shared").await;

    assert_eq!(bob.reads_messages(&room).await, ["before"]);
    bob.asks_in(&closed, "messages?dir=b").await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn who_left_sees_what_was_said_until_then() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    alice.sends(&room, "before").await;
    bob.leaves(&room).await;
    alice.sends(&room, "after").await;
    alice.sets_state(&room, "m.room.topic", "", json!({ "topic": "after" })).await.ok();

    assert_eq!(bob.reads_messages(&room).await, ["before"]);
    bob.reads_state(&room, "m.room.topic", "").await.refused(404, "M_NOT_FOUND");
}
