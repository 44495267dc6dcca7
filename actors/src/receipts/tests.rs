//! The laws of receipts and read markers.

use ruma::{OwnedRoomId, owned_event_id};
use serde_json::{Value, json};

use super::*;
use crate::testing::{Person, Theatre, value};

async fn says(person: &Person<'_>, room: &RoomId, id: &str, relates_to: Value) -> OwnedEventId {
    let content = json!({ "body": id, "m.relates_to": relates_to });
    person.sends(room, "m.room.message", id, content).await.unwrap()
}

async fn reads(
    theatre: &Theatre,
    person: &Person<'_>,
    room: &OwnedRoomId,
    event: &EventId,
    thread: &Thread,
) -> Result<(), ReceiptError> {
    set_receipt(&theatre.node, &person.id, room, ReceiptKind::Public, event, thread).await
}

#[tokio::test]
async fn a_receipt_is_for_the_thread_that_the_event_is_in() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let room = alice.opens_a_room().await;
    let root = alice.says(&room, "root").await;
    let reply = says(&alice, &room, "reply", json!({ "rel_type": "m.thread", "event_id": root })).await;
    let to_reply = says(&alice, &room, "r", json!({ "rel_type": "m.annotation", "event_id": reply })).await;
    let to_root = says(&alice, &room, "s", json!({ "rel_type": "m.annotation", "event_id": root })).await;
    let elsewhere = alice.says(&room, "elsewhere").await;
    let under = Thread::Under(root.clone());

    for (event, in_thread, in_main) in [
        (&root, true, true),
        (&reply, true, false),
        (&to_reply, true, false),
        (&to_root, true, true),
        (&elsewhere, false, true),
    ] {
        for (thread, fits) in [(&under, in_thread), (&Thread::Main, in_main), (&Thread::Unthreaded, true)] {
            let outcome = reads(&theatre, &alice, &room, event, thread).await;
            assert_eq!(outcome.is_ok(), fits, "{event} {thread:?} {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_receipt_does_not_go_back() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let room = alice.opens_a_room().await;
    let (older, newer) = (alice.says(&room, "older").await, alice.says(&room, "newer").await);

    for event in [&newer, &older] {
        reads(&theatre, &alice, &room, event, &Thread::Unthreaded).await.unwrap();
    }

    let view = theatre.node.rooms().view(&room).await.unwrap();
    let key = (alice.id.to_string(), "m.read".to_owned(), String::new());
    assert_eq!(view.receipts[&key].event_id, newer.as_str());
}

#[tokio::test]
async fn the_fully_read_marker_does_not_go_back() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let room = alice.opens_a_room().await;
    let (older, newer) = (alice.says(&room, "older").await, alice.says(&room, "newer").await);

    for event in [&older, &newer, &older] {
        set_fully_read(&theatre.node, &alice.id, &room, event).await.unwrap();
    }

    let data = theatre.node.users().feed(&alice.id).await.unwrap().data();
    let content = data.account_data(room.as_str(), FULLY_READ).map(value);
    assert_eq!(content, Some(json!({ "event_id": newer })));
}

#[tokio::test]
async fn only_events_of_the_room_are_read_and_only_by_members() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let (room, other) = (alice.opens_a_room().await, alice.opens_a_room().await);
    let said = alice.says(&room, "hello").await;

    for (room, event) in [(&other, &said), (&room, &owned_event_id!("$none"))] {
        let outcome = reads(&theatre, &alice, room, event, &Thread::Unthreaded).await;
        assert!(matches!(outcome, Err(ReceiptError::UnknownEvent)));
    }
    let outcome = reads(&theatre, &bob, &room, &said, &Thread::Unthreaded).await;
    assert!(matches!(outcome, Err(ReceiptError::Room(RoomError::Forbidden(_)))));
    let outcome = set_fully_read(&theatre.node, &bob.id, &room, &said).await;
    assert!(matches!(outcome, Err(ReceiptError::Room(RoomError::Forbidden(_)))));
}
