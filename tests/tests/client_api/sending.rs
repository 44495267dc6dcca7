//! Sending and redacting: once per transaction id, refused where it must be.

use playhouse_tests::{User, World, json, segment};

fn message(text: &str) -> playhouse_tests::Value {
    json!({ "msgtype": "m.text", "body": text })
}

#[tokio::test]
async fn a_transaction_id_sends_once() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;

    let first = alice.sends_as(&room, "m.room.message", "once", message("hello")).await.ok();
    let second = alice.sends_as(&room, "m.room.message", "once", message("hello")).await.ok();

    assert_eq!(first, second);
    assert_eq!(alice.reads_messages(&room).await, ["hello"]);
}

#[tokio::test]
async fn twenty_copies_at_the_same_moment_are_one_message() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;

    let sends = (0..20).map(|_| {
        let (alice, room) = (alice.clone(), room.clone());
        tokio::spawn(
            async move { alice.sends_as(&room, "m.room.message", "once", message("hello")).await.ok() },
        )
    });
    let mut ids = Vec::new();
    for send in sends.collect::<Vec<_>>() {
        ids.push(send.await.expect("no panic")["event_id"].clone());
    }

    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(alice.reads_messages(&room).await, ["hello"]);
}

#[tokio::test]
async fn transaction_ids_belong_to_a_device_a_room_and_a_type() {
    let world = World::start().await;
    let phone = world.user("alice").await;
    let laptop = phone.logs_in().await;
    let (room, other) = (phone.creates_room(json!({})).await, phone.creates_room(json!({})).await);

    phone.sends_as(&room, "m.room.message", "t", message("phone")).await.ok();
    laptop.sends_as(&room, "m.room.message", "t", message("laptop")).await.ok();
    phone.sends_as(&other, "m.room.message", "t", message("elsewhere")).await.ok();
    phone.sends_as(&room, "org.example.note", "t", message("note")).await.ok();

    assert_eq!(phone.reads_messages(&room).await, ["note", "laptop", "phone"]);
    assert_eq!(phone.reads_messages(&other).await, ["elsewhere"]);
}

#[tokio::test]
async fn the_transaction_id_comes_back_to_the_device_that_sent_it_alone() {
    let world = World::start().await;
    let phone = world.user("alice").await;
    let (laptop, bob) = (phone.logs_in().await, world.user("bob").await);
    let room = world.room_of(&[&phone, &bob]).await;

    phone.sends_as(&room, "m.room.message", "mine", message("hello")).await.ok();

    let tag = async |device: &User| {
        let sync = device.hears(&room, "hello").await;
        sync.timeline(&room).last().expect("a message")["unsigned"]["transaction_id"].clone()
    };
    assert_eq!(tag(&phone).await, "mine");
    assert!(tag(&laptop).await.is_null());
    assert!(tag(&bob).await.is_null());
}

#[tokio::test]
async fn only_members_send() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.creates_room(json!({})).await;

    bob.sends_event(&room, "m.room.message", message("hello")).await.refused(403, "M_FORBIDDEN");
    bob.sends_event("!none:localhost", "m.room.message", message("hello")).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn an_event_that_is_too_large_is_refused() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;

    alice.sends_event(&room, "m.room.message", message(&"x".repeat(60_000))).await.ok();
    alice
        .sends_event(&room, "m.room.message", message(&"x".repeat(66_000)))
        .await
        .refused(413, "M_TOO_LARGE");
    alice.sends_event(&room, &"t".repeat(300), json!({})).await;
    let long_key = alice.sets_state(&room, "org.example", &"k".repeat(300), json!({})).await;
    assert!(matches!(long_key.status, 400 | 413), "{}", long_key.body);
    alice.sends(&room, "still here").await;
}

#[tokio::test]
async fn a_redaction_empties_the_event_and_says_why() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    let event = bob.sends(&room, "a slip").await;
    alice.syncs().await;

    let path = format!("/v3/rooms/{}/redact/{}/r1", segment(&room), segment(&event));
    let redaction = alice.put(&path, json!({ "reason": "mercy" })).await.ok();

    let sync =
        bob.syncs_until(|sync| sync.timeline(&room).iter().any(|e| e["type"] == "m.room.redaction")).await;
    let told = sync.timeline(&room).into_iter().find(|e| e["type"] == "m.room.redaction").expect("told");
    assert_eq!((&told["event_id"], &told["content"]["reason"]), (&redaction["event_id"], &json!("mercy")));
    assert_eq!(told["content"]["redacts"], json!(event));
    let emptied = bob.asks_in(&room, &format!("event/{}", segment(&event))).await.ok();
    assert_eq!(emptied["content"], json!({}));
    assert_eq!(emptied["unsigned"]["redacted_because"]["event_id"], redaction["event_id"]);
    assert_eq!(alice.put(&path, json!({ "reason": "mercy" })).await.ok(), redaction);
}

#[tokio::test]
async fn only_the_sender_and_the_powerful_redact() {
    let world = World::start().await;
    let (alice, bob, carol) = (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let room = world.room_of(&[&alice, &bob, &carol]).await;
    let event = bob.sends(&room, "hello").await;

    carol.redacts(&room, &event).await.refused(403, "M_FORBIDDEN");
    bob.redacts(&room, &event).await.ok();
}

#[tokio::test]
async fn redacting_what_is_in_another_room_changes_nothing() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let (room, other) = (alice.creates_room(json!({})).await, alice.creates_room(json!({})).await);
    let event = alice.sends(&room, "hello").await;

    let reply = alice.redacts(&other, &event).await;

    assert!(!reply.is_ok(), "{}", reply.body);
    assert_eq!(alice.reads_messages(&room).await, ["hello"]);
}

#[tokio::test]
async fn a_redaction_may_be_sent_like_a_message() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    for version in ["10", "12"] {
        let room = alice.creates_room(json!({ "room_version": version })).await;
        let event = alice.sends(&room, "a slip").await;

        let content = json!({ "redacts": event, "reason": "mercy" });
        alice.sends_as(&room, "m.room.redaction", "r", content).await.ok();

        let emptied = alice.asks_in(&room, &format!("event/{}", segment(&event))).await.ok();
        assert_eq!(emptied["content"], json!({}), "{version}");
        alice.sends_as(&room, "m.room.redaction", "s", json!({})).await.refused(400, "M_BAD_JSON");
    }
}
