//! The laws of sending events.

use ruma::{device_id, owned_event_id, room_id};
use serde_json::json;

use super::*;
use crate::testing::{Person, Theatre};

fn is_forbidden<T>(outcome: &Result<T, SendError>) -> bool {
    matches!(outcome, Err(SendError::Room(RoomError::Forbidden(_))))
}

async fn redacts(
    theatre: &Theatre,
    person: &Person<'_>,
    room: &RoomId,
    target: &ruma::EventId,
    id: &str,
) -> Result<OwnedEventId, SendError> {
    redact(&theatre.node, person.sender(), room, target, id, Some("mercy")).await
}

#[tokio::test]
async fn a_transaction_belongs_to_a_device_a_room_and_a_type_and_survives_a_restart() {
    let theatre = Theatre::open().await;
    let phone = theatre.person("alice").await;
    let laptop = phone.at(device_id!("LAPTOP"));
    let (room, other) = (phone.opens_a_room().await, phone.opens_a_room().await);
    let (kind, id) = ("m.room.message", phone.id.clone());

    let first = phone.sends(&room, kind, "t", json!({ "n": 1 })).await.unwrap();
    assert_eq!(phone.sends(&room, kind, "t", json!({ "n": 2 })).await.unwrap(), first);
    let mut all = vec![first.clone()];
    all.push(laptop.sends(&room, kind, "t", json!({ "n": 3 })).await.unwrap());
    all.push(phone.sends(&other, kind, "t", json!({ "n": 4 })).await.unwrap());
    all.push(phone.sends(&room, "org.example", "t", json!({ "n": 5 })).await.unwrap());
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 4);

    let theatre = theatre.reopen().await;
    assert_eq!(theatre.person_again(&id).sends(&room, kind, "t", json!({ "n": 6 })).await.unwrap(), first);
}

#[tokio::test]
async fn only_members_send_and_an_unknown_room_looks_closed() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let room = alice.opens_a_room().await;

    for room in [&*room, room_id!("!none:test")] {
        assert!(is_forbidden(&bob.sends(room, "m.room.message", "t", json!({})).await));
        assert!(is_forbidden(&bob.sets(room, ("m.room.name", ""), json!({ "name": "n" })).await));
        assert!(is_forbidden(&redacts(&theatre, &bob, room, &owned_event_id!("$x"), "t").await));
    }
}

#[tokio::test]
async fn a_transaction_id_is_bounded() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let room = alice.opens_a_room().await;

    let outcome = alice.sends(&room, "m.room.message", &"t".repeat(256), json!({})).await;

    assert!(matches!(outcome, Err(SendError::TransactionIdTooLong)));
}

#[tokio::test]
async fn one_redacts_ones_own_words_and_with_power_those_of_others() {
    let theatre = Theatre::open().await;
    let (alice, bob, carol) =
        (theatre.person("alice").await, theatre.person("bob").await, theatre.person("carol").await);
    let room = alice.opens_a_room().await;
    bob.joins(&room).await.unwrap();
    carol.joins(&room).await.unwrap();
    let (own, other) = (bob.says(&room, "own").await, bob.says(&room, "other").await);

    assert!(is_forbidden(&redacts(&theatre, &carol, &room, &own, "t").await));
    redacts(&theatre, &bob, &room, &own, "t").await.unwrap();
    redacts(&theatre, &alice, &room, &other, "t").await.unwrap();

    assert_eq!(carol.reads(&room).await.unwrap(), ["", ""]);
}

#[tokio::test]
async fn a_redaction_is_made_once_for_each_transaction_even_if_the_power_is_lost() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let room = alice.opens_a_room().await;
    bob.joins(&room).await.unwrap();
    let said = bob.says(&room, "a slip").await;

    let first = redacts(&theatre, &bob, &room, &said, "t").await.unwrap();
    bob.leaves(&room).await.unwrap();

    assert_eq!(redacts(&theatre, &bob, &room, &said, "t").await.unwrap(), first);
    assert!(is_forbidden(&redacts(&theatre, &bob, &room, &said, "u").await));
}

#[tokio::test]
async fn what_is_not_in_the_room_is_not_redacted() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let (room, other) = (alice.opens_a_room().await, alice.opens_a_room().await);
    let said = alice.says(&room, "hello").await;

    for (room, target) in [(&other, &said), (&room, &owned_event_id!("$none"))] {
        let outcome = redacts(&theatre, &alice, room, target, "t").await;
        assert!(matches!(outcome, Err(SendError::NothingToRedact)));
    }
    assert_eq!(alice.reads(&room).await.unwrap(), ["hello"]);
}

#[tokio::test]
async fn the_root_of_a_room_is_not_redacted() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let room = alice.opens_a_room().await;
    let view = theatre.node.rooms().view(&room).await.unwrap();
    let create = view.state.create().unwrap().event_id().to_owned();

    assert!(is_forbidden(&redacts(&theatre, &alice, &room, &create, "t").await));
}

#[tokio::test]
async fn a_redaction_may_be_sent_like_a_message_in_every_version() {
    use crate::founding::{NewRoom, Preset};

    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    for version in ["6", "10", "11", "12"] {
        let version = Some(version.try_into().unwrap());
        let room = alice.founds(NewRoom { version, ..NewRoom::new(Preset::PublicChat) }).await.unwrap();
        let said = alice.says(&room, "a slip").await;

        let content = json!({ "redacts": said, "reason": "mercy" });
        alice.sends(&room, "m.room.redaction", "r", content).await.unwrap();

        assert_eq!(alice.reads(&room).await.unwrap(), [""]);
        for wrong in [json!({}), json!({ "redacts": 7 }), json!({ "redacts": "nothing" })] {
            let outcome = alice.sends(&room, "m.room.redaction", "w", wrong).await;
            assert!(matches!(outcome, Err(SendError::BadContent(_))), "{outcome:?}");
        }
    }
}

#[tokio::test]
async fn the_suspended_leave_and_take_back_and_do_no_more() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let room = alice.opens_a_room().await;
    bob.joins(&room).await.unwrap();
    let (own, other) = (alice.says(&room, "mine").await, bob.says(&room, "yours").await);
    let suspended = Sender { is_suspended: true, ..alice.sender() };
    let node = &theatre.node;
    let is_suspended =
        |outcome: Result<OwnedEventId, SendError>| matches!(outcome, Err(SendError::Suspended));
    let raw = |value: serde_json::Value| crate::testing::raw(&value);

    assert!(is_suspended(send_message(node, suspended, &room, "m.room.message", "s", raw(json!({}))).await));
    assert!(is_suspended(set_state(node, suspended, &room, ("m.room.name", ""), raw(json!({}))).await));
    assert!(is_suspended(redact(node, suspended, &room, &other, "a", None).await));
    redact(node, suspended, &room, &own, "b", None).await.unwrap();
    let me = ("m.room.member", alice.id.as_str());
    assert!(is_suspended(set_state(node, suspended, &room, me, raw(json!({ "membership": "join" }))).await));
    set_state(node, suspended, &room, me, raw(json!({ "membership": "leave" }))).await.unwrap();
}

#[tokio::test]
async fn what_no_power_allows_is_the_requests_fault() {
    use crate::founding::{NewRoom, Preset};

    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let room = alice.founds(NewRoom::new(Preset::PublicChat)).await.unwrap();
    let is_bad = |outcome: Result<OwnedEventId, SendError>| matches!(outcome, Err(SendError::BadContent(_)));

    assert!(is_bad(alice.sets(&room, ("m.room.create", ""), json!({ "x": 1 })).await));
    let named = json!({ "users": { &alice.id: 100 } });
    assert!(is_bad(alice.sets(&room, ("m.room.power_levels", ""), named).await));
    let too_large = alice.sets(&room, ("org.example", ""), json!({ "x": "x".repeat(70_000) })).await;
    assert!(matches!(too_large, Err(SendError::Room(RoomError::TooLarge(_)))));
    for number in [json!(1.5), json!(9_007_199_254_740_992_i64)] {
        let outcome = alice.sends(&room, "org.example", &number.to_string(), json!({ "n": number })).await;
        assert!(matches!(outcome, Err(SendError::Room(RoomError::BadEvent(_)))), "{outcome:?}");
    }
}
