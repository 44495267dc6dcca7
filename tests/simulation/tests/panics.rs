//! A panic costs only the actor that panics (**I12**).

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use playhouse_actors::room::RoomError;
use playhouse_simulation::{
    client::Client,
    server::{Life, Machine, user},
};
use playhouse_storage::backends::memory::Adversity;
use ruma::OwnedRoomId;

async fn chatting() -> (Machine, Life, Client, OwnedRoomId) {
    let machine = Machine::new(1);
    let server = machine.start(Adversity::none(), None).await.unwrap();
    let mut alice = Client::new(user("alice"));
    let room_id = server.found_room(&alice.user, 1).await.unwrap();
    assert!(alice.sends(&server.node, &room_id).await.unwrap());
    assert!(alice.syncs(&server.node, Duration::ZERO).await.unwrap());
    (machine, server, alice, room_id)
}

/// Lets the supervisors hear of what happened.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[tokio::test]
async fn a_panicking_room_is_back_with_the_next_request_and_has_lost_nothing() {
    let (_machine, server, mut alice, room_id) = chatting().await;

    server.node.rooms().handle(&room_id).inject_panic().await.unwrap();
    settle().await;

    assert!(alice.sends(&server.node, &room_id).await.unwrap());
    assert!(alice.syncs(&server.node, Duration::ZERO).await.unwrap());
    let log = server.node.rooms().view(&room_id).await.unwrap();
    assert!(alice.acknowledged.values().all(|id| log.recent(id).is_some()));
}

#[tokio::test]
async fn three_panics_in_a_minute_quarantine_that_room_and_no_other() {
    let (_machine, server, mut alice, room_id) = chatting().await;
    let other = server.found_room(&alice.user, 2).await.unwrap();

    for _ in 0..3 {
        server.node.rooms().handle(&room_id).inject_panic().await.unwrap();
        settle().await;
    }

    let refused = server.node.rooms().handle(&room_id).set_typing(&alice.user, None).await;
    assert!(matches!(refused, Err(RoomError::Quarantined { .. })), "{refused:?}");
    assert!(alice.sends(&server.node, &other).await.unwrap());
    assert!(alice.syncs(&server.node, Duration::ZERO).await.unwrap());
}

#[tokio::test]
async fn a_quarantine_shows_in_the_metrics_while_it_lasts() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let scrape = recorder.handle();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let (_machine, server, _alice, room_id) = chatting().await;

    for _ in 0..3 {
        server.node.rooms().handle(&room_id).inject_panic().await.unwrap();
        settle().await;
    }
    server.node.rooms().report();

    let text = scrape.render();
    for series in ["actor_failures_total{kind=\"room\"} 3", "actors_quarantined{kind=\"room\"} 1"] {
        assert!(text.contains(&format!("playhouse_{series}\n")), "no {series} in\n{text}");
    }
}

#[tokio::test]
async fn a_panicking_user_stream_is_back_with_the_next_request_and_has_lost_nothing() {
    let (_machine, server, mut alice, _) = chatting().await;
    assert!(alice.sets_account_data(&server.node, 1).await);

    server.node.users().handle(&alice.user).inject_panic().await.unwrap();
    settle().await;

    assert!(alice.syncs(&server.node, Duration::ZERO).await.unwrap());
    let told = |value: &std::collections::BTreeMap<String, String>| value.get("sim.value").cloned();
    assert_eq!(told(&alice.account_data), told(&alice.acknowledged_account_data));
}

#[tokio::test]
async fn a_panicking_hub_shard_loses_no_event() {
    let (_machine, server, mut alice, room_id) = chatting().await;

    server.node.hub().inject_panic(&room_id);
    settle().await;

    assert!(alice.sends(&server.node, &room_id).await.unwrap());
    assert!(alice.syncs(&server.node, Duration::from_secs(1)).await.unwrap());
    let sent = alice.acknowledged.values();
    assert!(sent.clone().all(|id| alice.seen[&room_id].contains(id)), "{sent:?}");
}
