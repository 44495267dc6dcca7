use std::{collections::BTreeMap, time::Duration};

use playhouse_storage::{
    backends::Adversity,
    store::put,
    tables::{Device, device::DeviceRow},
};
use ruma::{OwnedUserId, UserId, device_id, owned_user_id};
use serde_json::{Value, json};

use super::{SendToDevice, send_to_device};
use crate::{
    sync::{SyncRequest, sync},
    token::SyncToken,
    user::{
        UserError,
        testing::{World, raw},
    },
};

fn message(from: &UserId, id: &str, to: &[(&OwnedUserId, &str, Value)]) -> SendToDevice {
    let mut contents: BTreeMap<OwnedUserId, BTreeMap<String, _>> = BTreeMap::new();
    for (user, device, content) in to {
        contents.entry((*user).clone()).or_default().insert((*device).to_owned(), raw(content));
    }
    SendToDevice::check((from, device_id!("PHONE")), "m.test".into(), id.into(), contents).unwrap()
}

/// What a device gets, and the token after it.
async fn synced(
    world: &World,
    user: &UserId,
    device: &str,
    since: Option<SyncToken>,
) -> (Vec<Value>, SyncToken) {
    let request = SyncRequest {
        user: user.to_owned(),
        device: Some(device.into()),
        since,
        filter: ruma::api::client::filter::FilterDefinition::default(),
        full_state: false,
        use_state_after: false,
        timeout: Duration::ZERO,
    };
    let response = sync(&world.node, &request).await.unwrap();
    let messages = response.to_device.events.iter().map(|raw| serde_json::from_str(raw.get()).unwrap());
    (messages.collect(), world.node.tokens().decode(&response.next_batch).unwrap())
}

fn numbers(messages: &[Value]) -> Vec<i64> {
    messages.iter().map(|message| message["content"]["n"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_message_reaches_the_device_it_names_or_each_and_no_unknown_one() {
    let world = World::new().await;
    let alice = world.user("alice", &["PHONE"]).await;
    let bob = world.user("bob", &["PHONE", "LAPTOP"]).await;
    let (nobody, remote) = (owned_user_id!("@nobody:test"), owned_user_id!("@bob:elsewhere"));

    let to = [
        (&alice, "*", json!({ "n": 1 })),
        (&bob, "*", json!({ "n": 2 })),
        (&bob, "LAPTOP", json!({ "n": 3 })),
        (&bob, "WATCH", json!({ "n": 4 })),
        (&nobody, "*", json!({ "n": 5 })),
        (&remote, "*", json!({ "n": 6 })),
    ];
    send_to_device(&world.node, message(&alice, "1", &to)).await.unwrap();

    for (user, device, expected) in [(&alice, "PHONE", 1), (&bob, "PHONE", 2), (&bob, "LAPTOP", 3)] {
        let (messages, _) = synced(&world, user, device, None).await;
        assert_eq!(messages, [json!({ "sender": alice, "type": "m.test", "content": { "n": expected } })]);
    }
}

#[tokio::test]
async fn a_repeated_request_delivers_nothing_even_after_a_restart() {
    let world = World::new().await;
    let alice = world.user("alice", &["PHONE"]).await;
    let bob = world.user("bob", &["PHONE"]).await;
    let send = async |world: &World, id: &str, n: i64| {
        send_to_device(&world.node, message(&alice, id, &[(&bob, "PHONE", json!({ "n": n }))]))
            .await
            .unwrap();
    };
    send(&world, "1", 1).await;
    send(&world, "1", 2).await;
    let world = world.killed_and_started(Adversity::none()).await;
    send(&world, "1", 3).await;
    send(&world, "2", 4).await;

    assert_eq!(numbers(&synced(&world, &bob, "PHONE", None).await.0), [1, 4]);
}

#[tokio::test]
async fn a_repeated_request_finds_what_reached_a_device_before_a_crash_though_it_was_read_since() {
    let world = World::new().await;
    let alice = world.user("alice", &["PHONE"]).await;
    let bob = world.user("bob", &["PHONE"]).await;
    let carol = world.user("carol", &["PHONE"]).await;
    let request =
        || message(&alice, "1", &[(&bob, "*", json!({ "n": 1 })), (&carol, "*", json!({ "n": 1 }))]);
    // The server delivers to Bob and dies before it can say so.
    let transaction = request().transaction();
    let content = super::super::message::to_device_message(&alice, "m.test", &raw(&json!({ "n": 1 })));
    world.stream(&bob).deliver_once(vec![("*".into(), content)], transaction).await.unwrap();
    let world = world.killed_and_started(Adversity::none()).await;
    let (messages, token) = synced(&world, &bob, "PHONE", None).await;
    assert_eq!(numbers(&messages), [1]);
    let (_, token) = synced(&world, &bob, "PHONE", Some(token)).await;

    send_to_device(&world.node, request()).await.unwrap();

    assert!(synced(&world, &bob, "PHONE", Some(token)).await.0.is_empty());
    assert_eq!(numbers(&synced(&world, &carol, "PHONE", None).await.0), [1]);
}

#[tokio::test]
async fn messages_stay_until_a_later_token_shows_that_they_arrived() {
    let world = World::new().await;
    let alice = world.user("alice", &["PHONE"]).await;
    let bob = world.user("bob", &["PHONE"]).await;
    let (_, start) = synced(&world, &bob, "PHONE", None).await;
    for n in 0..150 {
        let id = n.to_string();
        send_to_device(&world.node, message(&alice, &id, &[(&bob, "*", json!({ "n": n }))])).await.unwrap();
    }

    let (first, _) = synced(&world, &bob, "PHONE", Some(start.clone())).await;
    let (again, token) = synced(&world, &bob, "PHONE", Some(start)).await;
    let (rest, token) = synced(&world, &bob, "PHONE", Some(token)).await;
    let (none, _) = synced(&world, &bob, "PHONE", Some(token)).await;

    assert_eq!(first, again);
    assert_eq!(numbers(&[again, rest].concat()), (0..150).collect::<Vec<_>>());
    assert!(none.is_empty());
    world.stream(&bob).announce_device_change("PHONE").await.unwrap();
    let feed = world.node.users().feed(&bob).await.unwrap();
    assert!(!feed.data().to_device.contains_key("PHONE"));
}

#[tokio::test]
async fn no_acknowledged_message_is_lost_by_a_store_that_cuts_writes_off() {
    let world = World::new().await;
    let alice = world.user("alice", &["PHONE"]).await;
    let bob = world.user("bob", &["PHONE", "LAPTOP"]).await;
    let world = world
        .killed_and_started(Adversity { partial_write_per_mille: 300, delay_yields: 2, ..Adversity::none() })
        .await;
    for n in 0..50 {
        let request = || message(&alice, &n.to_string(), &[(&bob, "*", json!({ "n": n }))]);
        while send_to_device(&world.node, request()).await.is_err() {}
    }

    let world = world.killed_and_started(Adversity::none()).await;
    for device in ["PHONE", "LAPTOP"] {
        let (mut messages, token) = synced(&world, &bob, device, None).await;
        let (rest, _) = synced(&world, &bob, device, Some(token)).await;
        messages.extend(rest);
        let got: std::collections::BTreeSet<i64> = numbers(&messages).into_iter().collect();
        assert_eq!(got, (0..50).collect(), "{device}");
    }
}

/// Sends messages of 60 KB until one is refused or enough were sent; how many were taken.
async fn flood(world: &World, from: &OwnedUserId, to: (&OwnedUserId, &str), name: &str) -> usize {
    const FLOOD: usize = 50;
    let content = json!({ "n": 0, "text": "x".repeat(60_000) });
    for n in 0..FLOOD {
        let request = message(from, &format!("{name}{n}"), &[(to.0, to.1, content.clone())]);
        match send_to_device(&world.node, request).await {
            Ok(()) => {}
            Err(UserError::InboxFull) => return n,
            Err(error) => panic!("{error}"),
        }
    }
    FLOOD
}

/// Notes that a device was seen just now.
async fn see(world: &World, user: &UserId, device: &str) {
    let node = &world.node;
    let row = DeviceRow { last_seen_ts: Some(node.clocks().now_ms()), ..DeviceRow::default() };
    let write = put::<Device>((user.as_str(),), (device,), &row, node.clocks().stamp(user.as_str()));
    node.store().write(vec![write]).await.unwrap();
}

#[tokio::test]
async fn a_sender_who_fills_a_part_of_an_inbox_waits_until_the_device_reads_and_nobody_else_does() {
    let world = World::new().await;
    let alice = world.user("alice", &["PHONE"]).await;
    let carol = world.user("carol", &["PHONE"]).await;
    let bob = world.user("bob", &["PHONE", "LAPTOP"]).await;
    see(&world, &bob, "PHONE").await;

    let taken = flood(&world, &alice, (&bob, "PHONE"), "a").await;
    assert!((30..40).contains(&taken), "{taken} of 60 KB are 2 MiB");
    let world = world.killed_and_started(Adversity::none()).await;
    assert_eq!(flood(&world, &alice, (&bob, "PHONE"), "b").await, 0, "the bound outlives a restart");
    let to_both = [(&bob, "LAPTOP", json!({ "n": 1 })), (&bob, "PHONE", json!({ "n": "x".repeat(60_000) }))];
    let both = send_to_device(&world.node, message(&alice, "both", &to_both)).await;
    assert!(matches!(both, Err(UserError::InboxFull)));
    assert_eq!(
        numbers(&synced(&world, &bob, "LAPTOP", None).await.0),
        [1],
        "the other device has its message"
    );
    send_to_device(&world.node, message(&carol, "1", &[(&bob, "PHONE", json!({ "n": 2 }))])).await.unwrap();

    let mut since = None;
    let mut read = 0;
    loop {
        let (messages, token) = synced(&world, &bob, "PHONE", since).await;
        since = Some(token);
        if messages.is_empty() {
            break;
        }
        read += messages.len();
    }
    assert_eq!(read, taken + 1, "whatever was acknowledged arrives");
    world.stream(&bob).announce_device_change("PHONE").await.unwrap();
    assert!(flood(&world, &alice, (&bob, "PHONE"), "c").await >= 30, "there is room again");
}

#[tokio::test]
async fn a_device_that_nobody_saw_for_a_month_costs_a_sender_nothing() {
    let world = World::new().await;
    let alice = world.user("alice", &["PHONE"]).await;
    let bob = world.user("bob", &["OLD"]).await;

    assert_eq!(flood(&world, &alice, (&bob, "OLD"), "a").await, 50, "none is refused");
    let (messages, _) = synced(&world, &bob, "OLD", None).await;
    assert!((30..40).contains(&messages.len()), "what did not fit was left out");
}
