//! History from before this server joined, and what it missed.

use playhouse_tests::{User, Value, World, json, segment};

use crate::{joins::joins_via, traffic::Shared};

/// All messages of a room as a user reads them page by page, oldest first.
async fn reads_all(user: &User, room: &str, limit: usize) -> Vec<String> {
    let (mut texts, mut from) = (Vec::new(), String::new());
    for _ in 0..100 {
        let page = user.asks_in(room, &format!("messages?dir=b&limit={limit}{from}")).await.ok();
        let chunk = page["chunk"].as_array().expect("a chunk");
        texts.extend(
            chunk.iter().filter_map(|event| event["content"]["body"].as_str()).map(ToOwned::to_owned),
        );
        let Some(end) = page["end"].as_str() else { break };
        from = format!("&from={end}");
    }
    texts.reverse();
    texts
}

async fn sends_numbers(user: &User, room: &str, numbers: std::ops::Range<u32>) -> Vec<String> {
    let texts: Vec<String> = numbers.map(|number| format!("number {number}")).collect();
    for text in &texts {
        user.sends(room, text).await;
    }
    texts
}

fn name_of(user: &User) -> String {
    user.id.split_once(':').expect("a user id").1.to_owned()
}

#[tokio::test]
async fn history_from_before_a_join_is_read_page_by_page_and_once() {
    let Shared { alpha, alice, bob, .. } = &mut Shared::start().await;
    let room = alice.creates_room(json!({ "preset": "public_chat" })).await;
    let sent = sends_numbers(alice, &room, 0..130).await;
    joins_via(bob, &room, &name_of(alice)).await.ok();
    let after = sends_numbers(alice, &room, 130..133).await;
    bob.hears(&room, "number 132").await;

    let all = [sent, after].concat();
    assert_eq!(reads_all(bob, &room, 40).await, all);
    alpha.kill_minus_nine();
    assert_eq!(reads_all(bob, &room, 7).await, all, "what was told is kept");
}

#[tokio::test]
async fn a_sync_after_a_join_says_that_there_is_more() {
    let Shared { alice, bob, .. } = &Shared::start().await;
    let room = alice.creates_room(json!({ "preset": "public_chat" })).await;
    alice.sends(&room, "before").await;
    joins_via(bob, &room, &name_of(alice)).await.ok();

    let sync = bob.syncs().await;
    let timeline = sync.0["rooms"]["join"][&room]["timeline"].clone();
    assert_eq!(timeline["limited"], true);
    let from = timeline["prev_batch"].as_str().expect("a token");
    let page = bob.asks_in(&room, &format!("messages?dir=b&limit=1&from={from}")).await.ok();

    assert_eq!(page["chunk"][0]["content"]["body"], "before");
    let back = page["end"].as_str().expect("more");
    let on = bob.asks_in(&room, &format!("messages?dir=f&limit=2&from={back}")).await.ok();
    assert_eq!(on["chunk"][0]["content"]["body"], "before", "{on}");
    assert_eq!(on["chunk"][1]["state_key"], bob.id.as_str(), "{on}");
}

#[tokio::test]
async fn what_was_hidden_from_those_who_join_later_stays_hidden() {
    let Shared { alice, bob, .. } = &Shared::start().await;
    let room = alice.creates_room(json!({ "preset": "public_chat" })).await;
    let sets = async |visibility: &str| {
        let content = json!({ "history_visibility": visibility });
        alice.sets_state(&room, "m.room.history_visibility", "", content).await.ok();
    };
    alice.sends(&room, "open").await;
    sets("joined").await;
    alice.sends(&room, "hidden").await;
    sets("shared").await;
    alice.sends(&room, "open again").await;
    joins_via(bob, &room, &name_of(alice)).await.ok();

    assert_eq!(reads_all(bob, &room, 3).await, ["open", "open again"]);
}

#[tokio::test]
async fn who_joins_again_reads_what_was_said_meanwhile_between_what_was_before_and_after() {
    let Shared { alice, bob, room, .. } = &Shared::start().await;
    alice.sends(room, "before").await;
    bob.hears(room, "before").await;
    bob.leaves(room).await;
    let left = format!("state/m.room.member/{}", segment(&bob.id));
    while alice.asks_in(room, &left).await.ok()["membership"] != "leave" {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let meanwhile = sends_numbers(alice, room, 0..25).await;
    joins_via(bob, room, &name_of(alice)).await.ok();
    alice.sends(room, "after").await;
    bob.hears(room, "after").await;

    let all = [vec!["before".to_owned()], meanwhile, vec!["after".to_owned()]].concat();
    assert_eq!(reads_all(bob, room, 10).await, all);
}

#[tokio::test]
async fn an_event_from_before_a_join_is_found_with_what_was_around_it() {
    let Shared { alice, bob, .. } = &Shared::start().await;
    let room = alice.creates_room(json!({ "preset": "public_chat" })).await;
    let mut events = Vec::new();
    for text in ["one", "two", "three"] {
        events.push(alice.sends(&room, text).await);
    }
    joins_via(bob, &room, &name_of(alice)).await.ok();
    reads_all(bob, &room, 100).await;

    let path = format!("context/{}?limit=2", segment(&events[1]));
    let context = bob.asks_in(&room, &path).await.ok();

    let text = |event: &Value| event["content"]["body"].as_str().map(ToOwned::to_owned);
    assert_eq!(text(&context["event"]).as_deref(), Some("two"));
    assert_eq!(text(&context["events_before"][0]).as_deref(), Some("one"), "{context}");
    assert_eq!(text(&context["events_after"][0]).as_deref(), Some("three"), "{context}");
}

#[tokio::test]
async fn a_server_without_a_word_costs_no_history_that_is_here() {
    let Shared { alpha, alice, bob, .. }: &mut Shared = &mut Shared::start().await;
    let room = alice.creates_room(json!({ "preset": "public_chat" })).await;
    alice.sends(&room, "before").await;
    joins_via(bob, &room, &name_of(alice)).await.ok();
    bob.sends(&room, "mine").await;
    World::kill_minus_nine(alpha);

    assert_eq!(reads_all(bob, &room, 10).await, ["mine"]);
}

#[tokio::test]
async fn a_redaction_reaches_history_that_was_fetched_before() {
    let Shared { alice, bob, .. } = &Shared::start().await;
    let room = alice.creates_room(json!({ "preset": "public_chat" })).await;
    let mistake = alice.sends(&room, "a mistake").await;
    joins_via(bob, &room, &name_of(alice)).await.ok();
    assert_eq!(reads_all(bob, &room, 10).await, ["a mistake"]);

    alice.redacts(&room, &mistake).await.ok();
    alice.sends(&room, "better").await;
    bob.hears(&room, "better").await;

    assert_eq!(reads_all(bob, &room, 10).await, ["better"]);
    let event = bob.asks_in(&room, &format!("event/{}", segment(&mistake))).await.ok();
    assert_eq!(event["content"], json!({}), "{event}");
}
