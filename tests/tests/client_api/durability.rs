//! What was answered with 200 outlives the process; tokens from before stay good.

use playhouse_tests::{Setup, World, json, segment};

#[tokio::test]
async fn tokens_rooms_and_account_data_outlive_a_polite_restart() {
    let mut world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({ "name": "Stage" })).await;
    let path = format!("/v3/user/{}/account_data/org.example.seat", segment(&alice.id));
    alice.put(&path, json!({ "row": 7 })).await.ok();
    alice.syncs().await;

    world.restart().await;

    assert_eq!(alice.get("/v3/account/whoami").await.ok()["device_id"], json!(alice.device));
    assert_eq!(alice.get(&path).await.ok(), json!({ "row": 7 }));
    assert_eq!(alice.reads_state(&room, "m.room.name", "").await.ok()["name"], "Stage");
    assert!(alice.syncs().await.joined(&room).is_null(), "the old token repeats nothing");
    alice.sends(&room, "after").await;
    assert_eq!(alice.syncs().await.messages(&room), ["after"]);
}

#[tokio::test]
async fn a_transaction_id_is_remembered_over_a_crash() {
    let mut world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;
    let content = json!({ "msgtype": "m.text", "body": "hello" });
    let first = alice.sends_as(&room, "m.room.message", "once", content.clone()).await.ok();

    world.kill_minus_nine();
    world.restart().await;

    assert_eq!(alice.sends_as(&room, "m.room.message", "once", content).await.ok(), first);
    assert_eq!(alice.reads_messages(&room).await, ["hello"]);
}

#[tokio::test]
async fn to_device_receipts_and_keys_outlive_a_crash() {
    let mut world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    let event = alice.sends(&room, "hello").await;
    bob.syncs().await;
    let key = |letter: &str| json!({ "key": letter.repeat(42) + "A", "signatures": {} });
    let keys = json!({ "signed_curve25519:A": key("a"), "signed_curve25519:B": key("b") });
    bob.post("/v3/keys/upload", json!({ "one_time_keys": keys })).await.ok();
    let claim = json!({ "one_time_keys": { &bob.id: { &bob.device: "signed_curve25519" } } });
    let first = alice.post("/v3/keys/claim", claim.clone()).await.ok();
    let ping = json!({ "messages": { &bob.id: { &bob.device: { "n": 1 } } } });
    alice.put("/v3/sendToDevice/org.example.ping/t1", ping).await.ok();
    alice.reads(&room, &event).await;

    world.kill_minus_nine();
    world.restart().await;

    let second = alice.post("/v3/keys/claim", claim).await.ok();
    assert_ne!(first, second, "a one-time key was handed out twice");
    let sync = bob.syncs().await;
    assert_eq!(sync.to_device().len(), 1);
    assert_eq!(sync.0["device_one_time_keys_count"]["signed_curve25519"], 0);
    let receipts = sync.ephemeral(&room);
    assert!(receipts.iter().any(|e| e["content"][&event]["m.read"][&alice.id].is_object()), "{receipts:?}");
}

#[tokio::test]
async fn sigterm_answers_what_is_in_flight_and_ends() {
    let mut world = World::start().await;
    let alice = world.user("alice").await;
    alice.syncs().await;

    let waiting = tokio::spawn({
        let alice = alice.clone();
        async move {
            alice.http().send("GET", "/_matrix/client/v3/sync?timeout=30000", Some(&alice.token), None).await
        }
    });
    let status = world.server.stop().await;

    assert!(status.success(), "{status}");
    drop(waiting.await);
    world.restart().await;
    alice.get("/v3/account/whoami").await.ok();
}

#[tokio::test]
async fn the_memory_store_serves_and_forgets() {
    let mut world = World::with(Setup::default().set("store", "memory")).await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;
    alice.sends(&room, "hello").await;
    assert_eq!(alice.reads_messages(&room).await, ["hello"]);

    world.restart().await;

    alice.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
}
