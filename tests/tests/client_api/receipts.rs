//! Typing, receipts, read markers and the unread counts they clear.

use playhouse_tests::{Sync, User, Value, World, json, segment};

fn receipt(sync: &Sync, room: &str, event: &str, kind: &str, user: &User) -> Value {
    let all = sync.ephemeral(room);
    let receipts = all.iter().find(|e| e["type"] == "m.receipt").cloned().unwrap_or_default();
    receipts["content"][event][kind][&user.id].clone()
}

#[tokio::test]
async fn typing_is_told_and_ends() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    alice.syncs().await;
    let path = format!("/v3/rooms/{}/typing/{}", segment(&room), segment(&bob.id));
    let typing = |users: Value| json!({ "type": "m.typing", "content": { "user_ids": users } });

    bob.put(&path, json!({ "typing": true, "timeout": 20_000 })).await.ok();
    alice.syncs_until(|sync| sync.ephemeral(&room) == [typing(json!([bob.id]))]).await;
    bob.put(&path, json!({ "typing": false })).await.ok();
    alice.syncs_until(|sync| sync.ephemeral(&room) == [typing(json!([]))]).await;

    let of_alice = format!("/v3/rooms/{}/typing/{}", segment(&room), segment(&alice.id));
    bob.put(&of_alice, json!({ "typing": true })).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn typing_runs_out_by_itself() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    alice.syncs().await;
    let path = format!("/v3/rooms/{}/typing/{}", segment(&room), segment(&bob.id));

    bob.put(&path, json!({ "typing": true, "timeout": 500 })).await.ok();

    alice
        .syncs_until(|sync| sync.ephemeral(&room).iter().any(|e| e["content"]["user_ids"] == json!([bob.id])))
        .await;
    alice
        .syncs_until(|sync| sync.ephemeral(&room).iter().any(|e| e["content"]["user_ids"] == json!([])))
        .await;
}

#[tokio::test]
async fn a_public_receipt_is_told_to_all() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    let event = alice.sends(&room, "hello").await;
    alice.syncs().await;

    bob.reads(&room, &event).await;

    let sync = alice.syncs_until(|sync| !receipt(sync, &room, &event, "m.read", &bob).is_null()).await;
    assert!(receipt(&sync, &room, &event, "m.read", &bob)["ts"].is_u64());
}

#[tokio::test]
async fn a_private_receipt_is_told_to_its_owner_alone() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    let event = alice.sends(&room, "hello").await;
    alice.syncs().await;

    bob.acts_in(&room, &format!("receipt/m.read.private/{}", segment(&event)), json!({})).await.ok();
    bob.sends(&room, "a later thing").await;

    let sync = alice.hears(&room, "a later thing").await;
    assert!(receipt(&sync, &room, &event, "m.read.private", &bob).is_null());
    let own = bob.syncs().await;
    assert!(receipt(&own, &room, &event, "m.read.private", &bob)["ts"].is_u64(), "{}", own.0);
}

#[tokio::test]
async fn threaded_receipts_name_their_thread() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    let event = alice.sends(&room, "hello").await;
    alice.syncs().await;
    let path = format!("receipt/m.read/{}", segment(&event));

    bob.acts_in(&room, &path, json!({ "thread_id": "main" })).await.ok();

    let sync = alice.syncs_until(|sync| !receipt(sync, &room, &event, "m.read", &bob).is_null()).await;
    assert_eq!(receipt(&sync, &room, &event, "m.read", &bob)["thread_id"], "main");
    for wrong in [json!(7), json!("")] {
        let reply = bob.acts_in(&room, &path, json!({ "thread_id": wrong })).await;
        assert_eq!(reply.status, 400, "{}", reply.body);
    }
}

#[tokio::test]
async fn an_unknown_receipt_type_is_refused() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;
    let event = alice.sends(&room, "hello").await;

    let reply = alice.acts_in(&room, &format!("receipt/m.seen/{}", segment(&event)), json!({})).await;
    assert_eq!(reply.status, 400, "{}", reply.body);
}

#[tokio::test]
async fn read_markers_set_receipt_and_fully_read() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    let event = alice.sends(&room, "hello").await;
    alice.syncs().await;
    bob.syncs().await;

    bob.acts_in(&room, "read_markers", json!({ "m.fully_read": event, "m.read": event })).await.ok();

    alice.syncs_until(|sync| !receipt(sync, &room, &event, "m.read", &bob).is_null()).await;
    let told = bob.syncs().await.room_account_data(&room);
    assert_eq!(told, [json!({ "type": "m.fully_read", "content": { "event_id": event } })]);
}

#[tokio::test]
async fn unread_counts_rise_with_messages_and_fall_with_receipts() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    bob.syncs().await;

    alice.sends(&room, "one").await;
    let event = alice.sends(&room, "two").await;
    let counts = bob.hears(&room, "two").await.joined(&room)["unread_notifications"].clone();
    assert_eq!(counts, json!({ "notification_count": 2, "highlight_count": 0 }));

    alice.sends(&room, "and you, bob?").await;
    let counts = bob.hears(&room, "and you, bob?").await.joined(&room)["unread_notifications"].clone();
    assert_eq!(counts["notification_count"], 3);

    bob.reads(&room, &event).await;
    let told = |sync: &Sync| sync.joined(&room)["unread_notifications"]["notification_count"] == 1;
    bob.syncs_until(told).await;
}

#[tokio::test]
async fn a_mention_is_a_highlight() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    bob.syncs().await;

    let content = json!({ "msgtype": "m.text", "body": "look", "m.mentions": { "user_ids": [bob.id] } });
    alice.sends_event(&room, "m.room.message", content).await.ok();

    let sync = bob.hears(&room, "look").await;
    let counts = &sync.joined(&room)["unread_notifications"];
    assert_eq!(*counts, json!({ "notification_count": 1, "highlight_count": 1 }));
}

#[tokio::test]
async fn unread_counts_are_kept_for_each_thread() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    let root = alice.sends(&room, "the root").await;
    bob.reads(&room, &root).await;
    let filter =
        segment(&json!({ "room": { "timeline": { "unread_thread_notifications": true } } }).to_string());
    bob.syncs().await;

    let relation = json!({ "rel_type": "m.thread", "event_id": root });
    let content = json!({ "msgtype": "m.text", "body": "in the thread", "m.relates_to": relation });
    let reply = alice.sends_event(&room, "m.room.message", content).await.ok()["event_id"].clone();

    let sync = bob.syncs_with(&format!("timeout=5000&filter={filter}")).await;
    assert_eq!(sync.joined(&room)["unread_notifications"]["notification_count"], 0, "{}", sync.0);
    assert_eq!(
        sync.joined(&room)["unread_thread_notifications"][&root]["notification_count"],
        1,
        "{}",
        sync.0
    );
    let path = format!("receipt/m.read/{}", segment(reply.as_str().expect("an id")));
    bob.acts_in(&room, &path, json!({ "thread_id": root })).await.ok();
    let sync = bob.syncs_with(&format!("timeout=5000&filter={filter}")).await;
    let left = &sync.joined(&room)["unread_thread_notifications"][&root];
    assert!(left.is_null() || left["notification_count"] == 0, "{}", sync.0);
}
