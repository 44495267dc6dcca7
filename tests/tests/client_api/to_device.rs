//! Messages from device to device: kept until acknowledged, told to the right devices only.

use playhouse_tests::{User, World, json, segment};

async fn sends(from: &User, messages: playhouse_tests::Value, transaction: &str) {
    let path = format!("/v3/sendToDevice/org.example.ping/{}", segment(transaction));
    from.put(&path, json!({ "messages": messages })).await.ok();
}

#[tokio::test]
async fn a_message_reaches_the_device_it_names() {
    let world = World::start().await;
    let (alice, phone) = (world.user("alice").await, world.user("bob").await);
    let laptop = phone.logs_in().await;

    sends(&alice, json!({ &phone.id: { &phone.device: { "n": 1 } } }), "t1").await;

    let told = phone.syncs().await.to_device();
    assert_eq!(told, [json!({ "type": "org.example.ping", "sender": alice.id, "content": { "n": 1 } })]);
    assert!(laptop.syncs().await.to_device().is_empty());
}

#[tokio::test]
async fn a_star_reaches_every_device() {
    let world = World::start().await;
    let (alice, phone) = (world.user("alice").await, world.user("bob").await);
    let laptop = phone.logs_in().await;

    sends(&alice, json!({ &phone.id: { "*": { "n": 1 } } }), "t1").await;

    assert_eq!(phone.syncs().await.to_device().len(), 1);
    assert_eq!(laptop.syncs().await.to_device().len(), 1);
}

#[tokio::test]
async fn a_message_is_told_until_the_next_token_acknowledges_it() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    bob.syncs().await;
    let before = bob.since();
    sends(&alice, json!({ &bob.id: { &bob.device: { "n": 1 } } }), "t1").await;

    let first = bob.syncs_from(before.as_deref(), "timeout=0").await;
    let again = bob.syncs_from(before.as_deref(), "timeout=0").await;
    let after = bob.syncs_from(Some(first.next_batch()), "timeout=0").await;

    assert_eq!(first.to_device().len(), 1);
    assert_eq!(again.to_device(), first.to_device());
    assert!(after.to_device().is_empty());
    // What is acknowledged is dropped soon, even for one who asks with the old token again.
    let mut told = 1;
    for _ in 0..200 {
        told = bob.syncs_from(before.as_deref(), "timeout=0").await.to_device().len();
        if told == 0 {
            break;
        }
    }
    assert_eq!(told, 0);
}

#[tokio::test]
async fn a_transaction_id_sends_once() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);

    for _ in 0..3 {
        sends(&alice, json!({ &bob.id: { &bob.device: { "n": 1 } } }), "same").await;
    }

    assert_eq!(bob.syncs().await.to_device().len(), 1);
}

#[tokio::test]
async fn messages_arrive_in_order_over_several_syncs() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    for n in 0..250 {
        sends(&alice, json!({ &bob.id: { &bob.device: { "n": n } } }), &format!("t{n}")).await;
    }

    let mut seen = Vec::new();
    while seen.len() < 250 {
        let told = bob.syncs().await.to_device();
        assert!(!told.is_empty(), "only {} came", seen.len());
        seen.extend(told.iter().filter_map(|m| m["content"]["n"].as_u64()));
    }

    assert_eq!(seen, (0..250).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_waiting_sync_wakes_for_it() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    bob.syncs().await;

    let waiting = tokio::spawn({
        let bob = bob.clone();
        async move { bob.syncs_with("timeout=30000").await }
    });
    sends(&alice, json!({ &bob.id: { &bob.device: { "n": 1 } } }), "t1").await;

    assert_eq!(waiting.await.expect("no panic").to_device().len(), 1);
}
