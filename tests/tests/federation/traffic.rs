//! What goes between two servers that share a room.

use std::time::Duration;

use playhouse_tests::{Authority, Setup, User, World, json, segment};

use crate::{joins::joins_via, server, server_with};

/// A room of alice on the first server, which bob on the second has joined.
pub struct Shared {
    pub alpha: World,
    pub beta: World,
    pub alice: User,
    pub bob: User,
    pub room: String,
    /// Its files are read again by a server that starts again.
    _authority: Authority,
}

impl Shared {
    pub async fn start() -> Self {
        Self::with(Setup::default(), Setup::default()).await
    }

    pub async fn with(alpha: Setup, beta: Setup) -> Self {
        let authority = Authority::new();
        let (alpha, alpha_name) = server_with(alpha.federating(&authority, "localhost")).await;
        let (beta, _) = server_with(beta.federating(&authority, "127.0.0.1")).await;
        let (alice, bob) = (alpha.user("alice").await, beta.user("bob").await);
        let room = alice.creates_room(json!({ "preset": "public_chat" })).await;
        joins_via(&bob, &room, &alpha_name).await.ok();
        // What changes from now on is news to both.
        tokio::join!(alice.syncs(), bob.syncs());
        Self { alpha, beta, alice, bob, room, _authority: authority }
    }
}

#[tokio::test]
async fn messages_go_both_ways() {
    let Shared { alice, bob, room, .. } = &Shared::start().await;
    for round in 0..3 {
        alice.sends(room, &format!("from alice {round}")).await;
        bob.hears(room, &format!("from alice {round}")).await;
        bob.sends(room, &format!("from bob {round}")).await;
        alice.hears(room, &format!("from bob {round}")).await;
    }
}

#[tokio::test]
async fn state_and_redactions_go_both_ways() {
    let Shared { alice, bob, room, .. } = &Shared::start().await;
    alice.sets_state(room, "m.room.topic", "", json!({ "topic": "talk" })).await.ok();
    let event = alice.sends(room, "a mistake").await;
    bob.hears(room, "a mistake").await;
    assert_eq!(bob.reads_state(room, "m.room.topic", "").await.ok(), json!({ "topic": "talk" }));

    alice.redacts(room, &event).await.ok();
    alice.sends(room, "better").await;
    bob.hears(room, "better").await;

    let seen = bob.asks_in(room, &format!("event/{}", segment(&event))).await.ok();
    assert_eq!(seen["content"], json!({}));
}

#[tokio::test]
async fn typing_and_receipts_are_seen_on_the_other_server() {
    let Shared { alice, bob, room, .. } = &Shared::start().await;
    let event = alice.sends(room, "read this").await;
    bob.hears(room, "read this").await;

    let typing = format!("/v3/rooms/{}/typing/{}", segment(room), segment(&bob.id));
    bob.put(&typing, json!({ "typing": true })).await.ok();
    bob.reads(room, &event).await;

    let (mut typed, mut read) = (false, false);
    alice
        .syncs_until(|sync| {
            for edu in sync.ephemeral(room) {
                let users = edu["content"]["user_ids"].as_array().cloned().unwrap_or_default();
                typed |= edu["type"] == "m.typing" && users.contains(&json!(bob.id));
                read |= edu["type"] == "m.receipt" && edu["content"][&event]["m.read"][&bob.id].is_object();
            }
            typed && read
        })
        .await;
}

#[tokio::test]
async fn to_device_messages_reach_a_device_on_the_other_server_once() {
    let Shared { alice, bob, .. } = &Shared::start().await;
    let messages = json!({ "messages": { &bob.id: { "*": { "hello": "bob" } } } });
    for _ in 0..2 {
        alice.put("/v3/sendToDevice/m.test/same", messages.clone()).await.ok();
    }
    alice.put("/v3/sendToDevice/m.test/other", messages).await.ok();
    let mut got = Vec::new();
    bob.syncs_until(|sync| {
        got.extend(sync.to_device());
        got.len() >= 2
    })
    .await;
    let after = bob.syncs().await;

    assert_eq!(got.len() + after.to_device().len(), 2, "{got:?} {after:?}");
    assert_eq!((&got[0]["sender"], &got[0]["content"]), (&json!(alice.id), &json!({ "hello": "bob" })));
}

#[tokio::test]
async fn what_was_sent_while_a_server_was_away_reaches_it_when_it_is_back() {
    let mut shared = Shared::start().await;
    shared.alice.sends(&shared.room, "before").await;
    shared.bob.hears(&shared.room, "before").await;
    shared.beta.kill_minus_nine();
    for round in 0..80 {
        shared.alice.sends(&shared.room, &format!("meanwhile {round}")).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;

    shared.beta.restart().await;

    let mut missing: std::collections::BTreeSet<String> =
        (0..80).map(|round| format!("meanwhile {round}")).collect();
    shared
        .bob
        .syncs_until(|sync| {
            for message in sync.messages(&shared.room) {
                missing.remove(&message);
            }
            sync.has_message(&shared.room, "meanwhile 79")
        })
        .await;
    for message in shared.bob.reads_messages(&shared.room).await {
        missing.remove(&message);
    }
    assert!(missing.is_empty(), "{missing:?}");
}

#[tokio::test]
async fn what_was_acknowledged_goes_out_though_the_server_was_killed_at_once() {
    let mut shared = Shared::start().await;
    shared.beta.kill_minus_nine();
    shared.alice.sends(&shared.room, "not lost").await;
    shared.alpha.kill_minus_nine();

    shared.alpha.restart().await;
    shared.beta.restart().await;

    shared.bob.hears(&shared.room, "not lost").await;
}

#[tokio::test]
async fn three_servers_hear_of_each_others_members() {
    let authority = Authority::new();
    let (alpha, alpha_name) = server(&authority, "localhost").await;
    let (beta, _) = server(&authority, "127.0.0.1").await;
    let (gamma, _) = server(&authority, "127.0.0.1").await;
    let (alice, bob, carol) = (alpha.user("alice").await, beta.user("bob").await, gamma.user("carol").await);
    let room = alice.creates_room(json!({ "preset": "public_chat" })).await;
    joins_via(&bob, &room, &alpha_name).await.ok();

    joins_via(&carol, &room, &alpha_name).await.ok();

    bob.syncs_until(|sync| {
        let events = sync.timeline(&room);
        events.iter().any(|event| event["state_key"] == carol.id.as_str())
    })
    .await;
    carol.sends(&room, "hello all").await;
    alice.hears(&room, "hello all").await;
    bob.hears(&room, "hello all").await;
    bob.sends(&room, "hello carol").await;
    carol.hears(&room, "hello carol").await;
}
