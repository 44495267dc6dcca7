//! Laws of the room log: buckets, restarts, paging.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use std::{collections::BTreeSet, time::Duration};

use playhouse_actors::{
    Node,
    timeline::{
        page::{Direction, Gap, PageRequest, page},
        visibility::Sight,
    },
};
use playhouse_simulation::{
    client::Client,
    server::{Machine, user},
};
use playhouse_storage::backends::memory::Adversity;
use ruma::{OwnedEventId, OwnedRoomId, UserId};

/// Everything that a user can page back to from the end, oldest first.
async fn history(node: &Node, room_id: &OwnedRoomId, reader: &UserId) -> Vec<OwnedEventId> {
    let view = node.rooms().view(room_id).await.unwrap();
    let sight = Sight::of(node.store(), &view, reader).await.unwrap();
    let mut events = Vec::new();
    let mut from = Some(Gap(view.head_seq + 1));
    while let Some(gap) = from {
        let direction = Direction::Backward;
        let request = PageRequest { from: gap, to: None, direction, limit: 70, matches: &|_| true };
        let found = page(node.store(), &view, &sight, &request).await.unwrap();
        events.extend(found.events.iter().map(|event| event.pdu.event_id().to_owned()));
        from = found.end;
    }
    events.reverse();
    events
}

#[tokio::test]
async fn a_log_that_spans_buckets_is_whole_before_and_after_a_restart() {
    let machine = Machine::new(1);
    let server = machine.start(Adversity::none(), None).await.unwrap();
    let mut alice = Client::new(user("alice"));
    let room_id = server.found_room(&alice.user, 1).await.unwrap();
    let mut speakers: Vec<Client> = (0..8).map(|n| Client::new(user(&format!("speaker{n}")))).collect();
    for speaker in &speakers {
        assert!(speaker.joins(&server.node, &room_id).await);
    }

    let mut tasks = Vec::new();
    for mut speaker in speakers.drain(..) {
        let (node, room_id) = (server.node.clone(), room_id.clone());
        tasks.push(tokio::spawn(async move {
            for _ in 0..150 {
                assert!(speaker.sends(&node, &room_id).await.unwrap());
            }
            speaker
        }));
    }
    let mut acknowledged = BTreeSet::new();
    for task in tasks {
        acknowledged.extend(task.await.unwrap().acknowledged.into_values());
    }
    assert_eq!(acknowledged.len(), 8 * 150);
    let before = history(&server.node, &room_id, &alice.user).await;
    server.kill().await;
    let server = machine.start(Adversity::none(), None).await.unwrap();
    let after = history(&server.node, &room_id, &alice.user).await;

    assert_eq!(before, after);
    assert!(acknowledged.iter().all(|id| after.contains(id)));
    assert_eq!(after.iter().collect::<BTreeSet<_>>().len(), after.len());
    assert!(alice.sends(&server.node, &room_id).await.unwrap());
    assert!(alice.syncs(&server.node, Duration::ZERO).await.unwrap_or_default() || alice.since.is_none());
}

#[tokio::test]
async fn the_same_transaction_is_the_same_event_across_a_restart() {
    let machine = Machine::new(1);
    let server = machine.start(Adversity::none(), None).await.unwrap();
    let mut alice = Client::new(user("alice"));
    let room_id = server.found_room(&alice.user, 1).await.unwrap();
    assert!(alice.sends(&server.node, &room_id).await.unwrap());
    let sent = alice.acknowledged.clone();
    server.kill().await;

    let server = machine.start(Adversity::none(), None).await.unwrap();
    let mut again = Client::new(user("alice"));
    assert!(again.sends(&server.node, &room_id).await.unwrap());

    assert_eq!(again.acknowledged, sent);
}

#[tokio::test]
async fn a_zombie_that_wakes_after_its_successor_appends_nothing() {
    let machine = Machine::new(1);
    let zombie = machine.start(Adversity::none(), None).await.unwrap();
    let mut alice = Client::new(user("alice"));
    let room_id = zombie.found_room(&alice.user, 1).await.unwrap();

    let successor = machine.start(Adversity::none(), None).await.unwrap();
    let mut bob = Client::new(user("bob"));
    assert!(bob.joins(&successor.node, &room_id).await);
    let by_zombie = alice.sends(&zombie.node, &room_id).await.unwrap();

    // The zombie's first append is refused; it reloads, and then it is the successor that must reload.
    assert!(!by_zombie);
    assert!(alice.sends(&zombie.node, &room_id).await.unwrap());
    assert!(!bob.sends(&successor.node, &room_id).await.unwrap());
    assert!(bob.sends(&successor.node, &room_id).await.unwrap());
    let log = history(&successor.node, &room_id, &alice.user).await;
    assert!(alice.acknowledged.values().chain(bob.acknowledged.values()).all(|id| log.contains(id)));
}
