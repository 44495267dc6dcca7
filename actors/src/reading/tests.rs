//! The laws of reading rooms.

use ruma::{RoomId, api::client::filter::RoomEventFilter, owned_event_id, room_id};
use serde_json::{Value, json};

use super::*;
use crate::{
    founding::{InitialState, NewRoom, Preset},
    history::page::Place,
    testing::{Person, Theatre, raw, value},
    timeline::page::{Direction, Gap},
    token::SyncToken,
};

fn visible(history_visibility: &str) -> NewRoom {
    let content = raw(&json!({ "history_visibility": history_visibility }));
    let state = InitialState { kind: "m.room.history_visibility".into(), state_key: String::new(), content };
    NewRoom { initial_state: vec![state], ..NewRoom::new(Preset::PublicChat) }
}

fn is_forbidden<T>(outcome: &Result<T, RoomError>) -> bool {
    matches!(outcome, Err(RoomError::Forbidden(_)))
}

/// The bodies on a page, and where it goes on.
async fn page(
    theatre: &Theatre,
    person: &Person<'_>,
    room: &RoomId,
    (direction, from): (Direction, Option<Gap>),
    limit: usize,
) -> (Vec<Value>, Option<Gap>) {
    let reading = Reading::open(&theatre.node, room, &person.id).await.unwrap();
    let filter = RoomEventFilter::default();
    let wish = HistoryWish { from: from.map(Place::from), to: None, direction, limit, filter: &filter };
    let page = reading.page(&theatre.node, &person.reader(), &wish).await.unwrap();
    (page.chunk.iter().map(|raw| value(raw)).collect(), page.end.map(|end| end.before))
}

#[tokio::test]
async fn strangers_read_nothing_and_cannot_tell_a_closed_room_from_none() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let room = alice.opens_a_room().await;

    let closed = Reading::open(&theatre.node, &room, &bob.id).await.err().unwrap();
    let none = Reading::open(&theatre.node, room_id!("!none:test"), &bob.id).await.err().unwrap();

    assert_eq!(closed.to_string(), none.to_string());
    assert!(matches!((closed, none), (RoomError::Forbidden(_), RoomError::Forbidden(_))));
}

#[tokio::test]
async fn the_invited_and_those_who_declined_read_nothing() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let room = alice.opens_a_private_room().await;

    alice.invites(&room, &bob.id).await.unwrap();
    assert!(is_forbidden(&bob.reads(&room).await));
    bob.leaves(&room).await.unwrap();
    assert!(is_forbidden(&bob.reads(&room).await));
}

#[tokio::test]
async fn who_left_reads_the_room_as_it_was_then() {
    let theatre = Theatre::open().await;
    let (alice, bob, carol) =
        (theatre.person("alice").await, theatre.person("bob").await, theatre.person("carol").await);
    let room = alice.founds(visible("joined")).await.unwrap();
    bob.joins(&room).await.unwrap();
    let topic = ("m.room.topic", "");
    alice.sets(&room, topic, json!({ "topic": "before" })).await.unwrap();
    alice.says(&room, "before").await;
    bob.leaves(&room).await.unwrap();
    alice.sets(&room, topic, json!({ "topic": "after" })).await.unwrap();
    alice.sets(&room, ("m.room.name", ""), json!({ "name": "after" })).await.unwrap();
    alice.says(&room, "after").await;
    carol.joins(&room).await.unwrap();

    assert_eq!(bob.reads(&room).await.unwrap(), ["before"]);
    assert_eq!(bob.finds(&room, topic).await.unwrap(), Some(json!({ "topic": "before" })));
    assert_eq!(bob.finds(&room, ("m.room.name", "")).await.unwrap(), None);
    assert_eq!(bob.sees_member(&room, &carol.id).await, Value::Null);
    assert_eq!(bob.sees_member(&room, &bob.id).await["membership"], "leave");
    let reading = Reading::open(&theatre.node, &room, &bob.id).await.unwrap();
    let snapshot = reading.snapshot(&theatre.node, None).await.unwrap();
    assert_eq!(snapshot.state.of_kind("m.room.member").count(), 2);
    assert_eq!(snapshot.state.topic(), Some("before"));
    let (events, end) = page(&theatre, &bob, &room, (Direction::Forward, Some(reading.end())), 100).await;
    assert_eq!((events.len(), end), (0, None));

    alice.moderates(&room, &bob, crate::joining::Measure::Ban).await.unwrap();
    assert_eq!(
        bob.finds(&room, topic).await.unwrap(),
        Some(json!({ "topic": "before" })),
        "a later ban changes nothing"
    );
}

#[tokio::test]
async fn a_forgotten_room_is_closed_until_one_is_let_in_again() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let room = alice.opens_a_room().await;
    bob.joins(&room).await.unwrap();
    let said = alice.says(&room, "hello").await;
    bob.leaves(&room).await.unwrap();
    let sees = async || event(&theatre.node, &bob.reader(), &room, &said).await.unwrap().is_some();
    assert!(sees().await);

    theatre.node.users().handle(&bob.id).forget(&room).await.unwrap();

    assert!(is_forbidden(&bob.reads(&room).await));
    assert!(!sees().await);
    bob.joins(&room).await.unwrap();
    assert_eq!(bob.reads(&room).await.unwrap(), ["hello"]);
}

#[tokio::test]
async fn what_the_world_may_read_is_read_from_outside() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let room = alice.founds(visible("world_readable")).await.unwrap();
    let said = alice.says(&room, "hello").await;

    assert_eq!(bob.reads(&room).await.unwrap(), ["hello"]);
    assert!(bob.finds(&room, ("m.room.create", "")).await.unwrap().is_some());
    assert!(event(&theatre.node, &bob.reader(), &room, &said).await.unwrap().is_some());
    let filter = RoomEventFilter::default();
    let around = around(&theatre.node, &bob.reader(), &room, &said, 4, &filter).await.unwrap().unwrap();
    assert_eq!(around.before.len(), 1, "what was said before the world could read is hidden");
}

#[tokio::test]
async fn pages_meet_and_the_first_has_no_end() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let room = alice.opens_a_room().await;
    for n in 0..10 {
        alice.says(&room, &format!("{n}")).await;
    }
    let total = theatre.node.rooms().view(&room).await.unwrap().head_seq as usize + 1;

    for limit in [1, 3, total, total + 1] {
        let (mut seen, mut from) = (Vec::new(), None);
        loop {
            let (events, end) = page(&theatre, &alice, &room, (Direction::Backward, from), limit).await;
            assert!(!events.is_empty() || end.is_none());
            seen.extend(events.into_iter().map(|event| event["event_id"].to_string()));
            from = end;
            if from.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), total, "limit {limit}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), total, "limit {limit}");
    }
}

#[tokio::test]
async fn ignored_people_are_not_heard_and_still_seen_to_come_and_go() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let room = alice.opens_a_room().await;
    bob.joins(&room).await.unwrap();
    bob.says(&room, "noise").await;
    alice.says(&room, "voice").await;

    alice.sets_account_data("m.ignored_user_list", json!({ "ignored_users": { &bob.id: {} } })).await;

    assert_eq!(alice.reads(&room).await.unwrap(), ["voice"]);
    let (events, _) = page(&theatre, &alice, &room, (Direction::Backward, None), 100).await;
    assert!(events.iter().any(|event| event["state_key"] == json!(bob.id)));
}

#[tokio::test]
async fn members_come_with_the_page_if_asked_for_as_of_its_newest_event() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let room = alice.opens_a_room().await;
    bob.joins(&room).await.unwrap();
    bob.says(&room, "hello").await;
    let then = Gap(theatre.node.rooms().view(&room).await.unwrap().head_seq + 1);
    bob.sets(
        &room,
        ("m.room.member", bob.id.as_str()),
        json!({ "membership": "join", "displayname": "New" }),
    )
    .await
    .unwrap();

    let reading = Reading::open(&theatre.node, &room, &alice.id).await.unwrap();
    let filter: RoomEventFilter = serde_json::from_value(json!({ "lazy_load_members": true })).unwrap();
    let wish = HistoryWish {
        from: Some(then.into()),
        to: None,
        direction: Direction::Backward,
        limit: 1,
        filter: &filter,
    };
    let page = reading.page(&theatre.node, &alice.reader(), &wish).await.unwrap();

    let members: Vec<Value> = page.state.iter().map(|raw| value(raw)).collect();
    assert_eq!(members.len(), 1);
    assert_eq!(
        (&members[0]["state_key"], &members[0]["content"]),
        (&json!(bob.id), &json!({ "membership": "join" }))
    );
}

#[tokio::test]
async fn a_hidden_event_is_like_none() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let room = alice.founds(visible("joined")).await.unwrap();
    let said = alice.says(&room, "early").await;
    bob.joins(&room).await.unwrap();
    let other = alice.opens_a_room().await;
    let filter = RoomEventFilter::default();

    assert!(event(&theatre.node, &bob.reader(), &room, &said).await.unwrap().is_none());
    assert!(around(&theatre.node, &bob.reader(), &room, &said, 10, &filter).await.unwrap().is_none());
    assert!(event(&theatre.node, &alice.reader(), &other, &said).await.unwrap().is_none());
    assert!(event(&theatre.node, &alice.reader(), &room, &owned_event_id!("$none")).await.unwrap().is_none());
    assert!(event(&theatre.node, &alice.reader(), room_id!("!none:test"), &said).await.unwrap().is_none());
}

#[tokio::test]
async fn redacted_state_is_shown_empty_even_as_of_an_earlier_time() {
    let theatre = Theatre::open().await;
    let (alice, bob) = (theatre.person("alice").await, theatre.person("bob").await);
    let room = alice.opens_a_room().await;
    bob.joins(&room).await.unwrap();
    let topic = ("m.room.topic", "");
    let slip = alice.sets(&room, topic, json!({ "topic": "a slip" })).await.unwrap();
    bob.leaves(&room).await.unwrap();
    alice.sets(&room, topic, json!({ "topic": "better" })).await.unwrap();

    crate::sending::redact(&theatre.node, alice.sender(), &room, &slip, "r", None).await.unwrap();

    assert_eq!(bob.finds(&room, topic).await.unwrap(), Some(json!({})));
    assert_eq!(alice.finds(&room, topic).await.unwrap(), Some(json!({ "topic": "better" })));
}

#[tokio::test]
async fn tokens_of_pages_and_of_syncs_name_places_and_nothing_else_does() {
    let theatre = Theatre::open().await;
    let alice = theatre.person("alice").await;
    let room = alice.opens_a_room().await;
    alice.says(&room, "one").await;
    // Not the closed position: within the millisecond of a send that is still below the event.
    let view = theatre.node.rooms().view(&room).await.unwrap();
    let here = Gap(view.head_seq + 1);
    let token = SyncToken { base: view.event_pos, exceptions: [].into() };
    let token = theatre.node.tokens().encode(&token);
    alice.says(&room, "two").await;

    let view = theatre.node.rooms().view(&room).await.unwrap();
    assert_eq!(place(&theatre.node, &view, &token).await.unwrap(), Some(here));
    assert_eq!(place(&theatre.node, &view, &here.encode()).await.unwrap(), Some(here));
    for forged in ["", "nonsense", "s", "p", "t-1", "💥", "../../etc"] {
        assert_eq!(place(&theatre.node, &view, forged).await.unwrap(), None, "{forged}");
    }
}
