//! Joining rooms on other servers, and leaving them.

use playhouse_tests::{Authority, User, Value, json, segment};

use crate::server;

/// The versions that rooms between two of our servers are made in.
const VERSIONS: [&str; 3] = ["6", "10", "12"];

/// Joins a room through a server that is in it.
pub async fn joins_via(user: &User, room: &str, server: &str) -> playhouse_tests::Reply {
    user.post(&format!("/v3/join/{}?via={}", segment(room), segment(server)), json!({})).await
}

#[tokio::test]
async fn a_user_of_one_server_joins_a_room_of_another_and_sees_its_state() {
    let authority = Authority::new();
    let (alpha, alpha_name) = server(&authority, "localhost").await;
    let (beta, _) = server(&authority, "127.0.0.1").await;
    let (alice, bob) = (alpha.user("alice").await, beta.user("bob").await);
    for version in VERSIONS {
        let options = json!({ "preset": "public_chat", "name": "Far", "room_version": version });
        let room = alice.creates_room(options).await;
        alice.sends(&room, "before").await;

        let joined = joins_via(&bob, &room, &alpha_name).await.ok();

        assert_eq!(joined, json!({ "room_id": room }));
        let name = bob.reads_state(&room, "m.room.name", "").await.ok();
        assert_eq!(name, json!({ "name": "Far" }), "version {version}");
        let sync = bob.syncs().await;
        let member = |user: &User| {
            let state = sync.state(&room);
            let timeline = sync.timeline(&room);
            let mut events = state.iter().chain(&timeline);
            events
                .find(|event| event["state_key"] == user.id.as_str())
                .map(|event| event["content"]["membership"].clone())
        };
        assert_eq!(member(&alice), Some(json!("join")), "version {version}: {sync:?}");
        assert_eq!(member(&bob), Some(json!("join")), "version {version}: {sync:?}");
        let members = alice.reads_state(&room, "m.room.member", &bob.id).await.ok();
        assert_eq!(members["membership"], Value::from("join"));
    }
}

/// Whether a user is invited to a room.
fn is_invited(sync: &playhouse_tests::Sync, room: &str) -> bool {
    !sync.invite(room).is_empty()
}

#[tokio::test]
async fn a_user_of_another_server_is_invited_sees_the_room_described_and_joins() {
    let authority = Authority::new();
    let (alpha, _) = server(&authority, "localhost").await;
    let (beta, _) = server(&authority, "127.0.0.1").await;
    let (alice, bob) = (alpha.user("alice").await, beta.user("bob").await);
    for version in VERSIONS {
        let options = json!({ "preset": "private_chat", "name": "Secret", "room_version": version });
        let room = alice.creates_room(options).await;

        alice.acts_in(&room, "invite", json!({ "user_id": bob.id, "reason": "come" })).await.ok();

        let sync = bob.syncs_until(|sync| is_invited(sync, &room)).await;
        let described = sync.invite(&room);
        let of =
            |kind: &str| described.iter().find(|event| event["type"] == kind).cloned().unwrap_or_default();
        assert_eq!(of("m.room.name")["content"]["name"], "Secret", "{described:?}");
        assert!(of("m.room.name").get("signatures").is_none(), "{described:?}");
        let own = described.iter().find(|event| event["state_key"] == bob.id.as_str()).expect("the invite");
        assert_eq!((&own["sender"], &own["content"]["reason"]), (&json!(alice.id), &json!("come")));

        bob.joins(&room).await;

        bob.sends(&room, "here I am").await;
        alice.hears(&room, "here I am").await;
    }
}

#[tokio::test]
async fn a_room_is_made_with_users_of_other_servers_in_it() {
    let authority = Authority::new();
    let (alpha, _) = server(&authority, "localhost").await;
    let (beta, _) = server(&authority, "127.0.0.1").await;
    let (alice, bob) = (alpha.user("alice").await, beta.user("bob").await);
    let invite = json!([bob.id, "@nobody:elsewhere.example"]);
    let options = json!({ "preset": "trusted_private_chat", "invite": invite, "is_direct": true });

    let room = alice.creates_room(options).await;

    let sync = bob.syncs_until(|sync| is_invited(sync, &room)).await;
    let own = sync.invite(&room).into_iter().find(|event| event["state_key"] == bob.id.as_str());
    assert_eq!(own.expect("the invite")["content"]["is_direct"], json!(true));
    bob.joins(&room).await;
    bob.sends(&room, "between us").await;
    alice.hears(&room, "between us").await;
}

#[tokio::test]
async fn an_invite_is_rejected_and_the_inviting_server_hears_of_it() {
    let authority = Authority::new();
    let (alpha, _) = server(&authority, "localhost").await;
    let (beta, _) = server(&authority, "127.0.0.1").await;
    let (alice, bob) = (alpha.user("alice").await, beta.user("bob").await);
    let room = alice.creates_room(json!({ "preset": "private_chat" })).await;
    alice.acts_in(&room, "invite", json!({ "user_id": bob.id })).await.ok();
    bob.syncs_until(|sync| is_invited(sync, &room)).await;

    bob.leaves(&room).await;

    let member = alice.reads_state(&room, "m.room.member", &bob.id).await.ok();
    assert_eq!(member["membership"], "leave");
    bob.syncs_until(|sync| !sync.left(&room).is_null()).await;
    alice.acts_in(&room, "invite", json!({ "user_id": bob.id })).await.ok();
    bob.syncs_until(|sync| is_invited(sync, &room)).await;
}

#[tokio::test]
async fn an_invite_can_be_rejected_though_the_inviting_server_is_gone() {
    let authority = Authority::new();
    let (mut alpha, _) = server(&authority, "localhost").await;
    let (beta, _) = server(&authority, "127.0.0.1").await;
    let (alice, bob) = (alpha.user("alice").await, beta.user("bob").await);
    let room = alice.creates_room(json!({ "preset": "private_chat" })).await;
    alice.acts_in(&room, "invite", json!({ "user_id": bob.id })).await.ok();
    bob.syncs_until(|sync| is_invited(sync, &room)).await;
    alpha.kill_minus_nine();

    bob.leaves(&room).await;

    bob.syncs_until(|sync| !sync.left(&room).is_null()).await;
    assert!(!is_invited(&bob.syncs_with("full_state=true").await, &room));
}

#[tokio::test]
async fn an_invite_is_taken_back() {
    let authority = Authority::new();
    let (alpha, _) = server(&authority, "localhost").await;
    let (beta, _) = server(&authority, "127.0.0.1").await;
    let (alice, bob) = (alpha.user("alice").await, beta.user("bob").await);
    let room = alice.creates_room(json!({ "preset": "private_chat" })).await;
    alice.acts_in(&room, "invite", json!({ "user_id": bob.id })).await.ok();
    bob.syncs_until(|sync| is_invited(sync, &room)).await;

    alice.kicks(&room, &bob).await;

    bob.syncs_until(|sync| !sync.left(&room).is_null()).await;
    bob.post(&format!("/v3/rooms/{}/join", segment(&room)), json!({})).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn who_is_not_invited_cannot_join_and_who_is_kicked_or_banned_is_out_on_both_servers() {
    let authority = Authority::new();
    let (alpha, alpha_name) = server(&authority, "localhost").await;
    let (beta, _) = server(&authority, "127.0.0.1").await;
    let (alice, bob) = (alpha.user("alice").await, beta.user("bob").await);
    let closed = alice.creates_room(json!({ "preset": "private_chat" })).await;
    joins_via(&bob, &closed, &alpha_name).await.refused(403, "M_FORBIDDEN");
    bob.post(&format!("/v3/join/{}", segment(&closed)), json!({})).await.refused(404, "M_NOT_FOUND");

    let open = alice.creates_room(json!({ "preset": "public_chat" })).await;
    joins_via(&bob, &open, &alpha_name).await.ok();
    alice.kicks(&open, &bob).await;
    bob.syncs_until(|sync| !sync.left(&open).is_null()).await;
    joins_via(&bob, &open, &alpha_name).await.ok();
    bob.sends(&open, "back again").await;
    alice.hears(&open, "back again").await;
    alice.bans(&open, &bob).await;
    bob.syncs_until(|sync| !sync.left(&open).is_null()).await;
    joins_via(&bob, &open, &alpha_name).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn a_room_that_everybody_here_has_left_is_taken_in_anew() {
    let authority = Authority::new();
    let (alpha, alpha_name) = server(&authority, "localhost").await;
    let (beta, _) = server(&authority, "127.0.0.1").await;
    let (alice, bob) = (alpha.user("alice").await, beta.user("bob").await);
    let room = alice.creates_room(json!({ "preset": "public_chat", "name": "First" })).await;
    joins_via(&bob, &room, &alpha_name).await.ok();
    bob.leaves(&room).await;
    alice
        .syncs_until(|sync| {
            sync.timeline(&room).iter().any(|event| {
                event["state_key"] == bob.id.as_str() && event["content"]["membership"] == "leave"
            })
        })
        .await;
    alice.sets_state(&room, "m.room.name", "", json!({ "name": "Second" })).await.ok();
    alice.sends(&room, "while you were away").await;

    joins_via(&bob, &room, &alpha_name).await.ok();

    assert_eq!(bob.reads_state(&room, "m.room.name", "").await.ok(), json!({ "name": "Second" }));
    bob.sends(&room, "again").await;
    alice.hears(&room, "again").await;
}

#[tokio::test]
async fn somebody_knocks_from_another_server_and_is_let_in() {
    let authority = Authority::new();
    let (alpha, alpha_name) = server(&authority, "localhost").await;
    let (beta, _) = server(&authority, "127.0.0.1").await;
    let (alice, bob) = (alpha.user("alice").await, beta.user("bob").await);
    let knock = json!({ "type": "m.room.join_rules", "state_key": "", "content": { "join_rule": "knock" } });
    let room = alice.creates_room(json!({ "name": "Door", "initial_state": [knock] })).await;

    bob.post(
        &format!("/v3/knock/{}?via={}", segment(&room), segment(&alpha_name)),
        json!({ "reason": "hi" }),
    )
    .await
    .ok();

    let sync = bob.syncs_until(|sync| !sync.knock(&room).is_empty()).await;
    assert!(sync.knock(&room).iter().any(|event| event["content"]["name"] == "Door"), "{sync:?}");
    let member = alice.reads_state(&room, "m.room.member", &bob.id).await.ok();
    assert_eq!((&member["membership"], &member["reason"]), (&json!("knock"), &json!("hi")));
    alice.acts_in(&room, "invite", json!({ "user_id": bob.id })).await.ok();
    bob.syncs_until(|sync| is_invited(sync, &room)).await;
    bob.joins(&room).await;
    bob.sends(&room, "thanks").await;
    alice.hears(&room, "thanks").await;
}

#[tokio::test]
async fn a_member_of_the_allowed_room_joins_a_restricted_one_through_a_server_that_vouches() {
    let authority = Authority::new();
    let (alpha, alpha_name) = server(&authority, "localhost").await;
    let (beta, _) = server(&authority, "127.0.0.1").await;
    let (alice, bob) = (alpha.user("alice").await, beta.user("bob").await);
    let club = alice.creates_room(json!({ "preset": "public_chat" })).await;
    let allow = json!([{ "type": "m.room_membership", "room_id": club }]);
    let content = json!({ "join_rule": "restricted", "allow": allow });
    let rules = json!({ "type": "m.room.join_rules", "state_key": "", "content": content });
    let room = alice.creates_room(json!({ "initial_state": [rules], "room_version": "10" })).await;
    joins_via(&bob, &room, &alpha_name).await.refused(403, "M_FORBIDDEN");
    joins_via(&bob, &club, &alpha_name).await.ok();

    joins_via(&bob, &room, &alpha_name).await.ok();

    let member = alice.reads_state(&room, "m.room.member", &bob.id).await.ok();
    assert_eq!(member["join_authorised_via_users_server"], json!(alice.id));
    bob.sends(&room, "in the club").await;
    alice.hears(&room, "in the club").await;
}

#[tokio::test]
async fn a_room_is_joined_by_its_alias_on_another_server() {
    let authority = Authority::new();
    let (alpha, alpha_name) = server(&authority, "localhost").await;
    let (beta, _) = server(&authority, "127.0.0.1").await;
    let (alice, bob) = (alpha.user("alice").await, beta.user("bob").await);
    let options = json!({ "preset": "public_chat", "room_alias_name": "lounge" });
    let room = alice.creates_room(options).await;
    let alias = segment(&format!("#lounge:{alpha_name}"));

    let joined = bob.post(&format!("/v3/join/{alias}"), json!({})).await.ok();

    assert_eq!(joined, json!({ "room_id": room }));
    bob.sends(&room, "by name").await;
    alice.hears(&room, "by name").await;
}
