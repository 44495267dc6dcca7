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

#[tokio::test]
async fn messages_of_many_senders_come_once_each_and_in_their_order_while_much_else_happens() {
    const SENDERS: usize = 4;
    const MESSAGES: u64 = 60;
    let world = World::start().await;
    let bob = world.user("bob").await;
    let room = bob.creates_room(json!({})).await;
    bob.syncs().await;
    let mut senders = Vec::new();
    for number in 0..SENDERS {
        let (sender, target) = (world.user(&format!("sender{number}")).await, bob.id.clone());
        senders.push(tokio::spawn(async move {
            for n in 0..MESSAGES {
                let messages = json!({ &target: { "*": { "sender": number, "n": n } } });
                sends(&sender, messages, &format!("t{n}")).await;
            }
        }));
    }
    let (busy, busy_room) = (bob.logs_in().await, room.clone());
    let other_work = tokio::spawn(async move {
        for n in 0..30 {
            busy.sends(&busy_room, &format!("noise {n}")).await;
            let path = format!("/v3/user/{}/account_data/org.example.noise", segment(&busy.id));
            busy.put(&path, json!({ "n": n })).await.ok();
        }
    });

    let mut got = vec![Vec::new(); SENDERS];
    bob.syncs_until(|sync| {
        for message in sync.to_device() {
            let number = message["content"]["sender"].as_u64().expect("a number");
            got[number as usize].push(message["content"]["n"].as_u64().expect("a number"));
        }
        got.iter().map(Vec::len).sum::<usize>() as u64 >= SENDERS as u64 * MESSAGES
    })
    .await;

    for sender in senders {
        sender.await.expect("all was sent");
    }
    other_work.await.expect("all was done");
    assert!(got.iter().all(|numbers| numbers.iter().copied().eq(0..MESSAGES)), "{got:?}");
    assert!(bob.syncs().await.to_device().is_empty());
}
