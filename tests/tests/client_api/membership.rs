//! Join, invite, leave, kick, ban, knock, forget: who may, and what each sees of it.

use playhouse_tests::{Sync, User, World, json, segment};

fn membership(sync: &Sync, room: &str, user: &User) -> Option<String> {
    let mut events = sync.state(room);
    events.extend(sync.timeline(room));
    let last = events.iter().rfind(|e| e["type"] == "m.room.member" && e["state_key"] == user.id.as_str())?;
    last["content"]["membership"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn a_public_room_lets_anyone_in_and_joining_twice_is_no_error() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice]).await;

    bob.joins(&room).await;
    bob.joins(&room).await;

    assert_eq!(bob.get("/v3/joined_rooms").await.ok(), json!({ "joined_rooms": [room] }));
    alice.syncs_until(|sync| membership(sync, &room, &bob).as_deref() == Some("join")).await;
}

#[tokio::test]
async fn a_private_room_needs_an_invite() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.creates_room(json!({})).await;
    let join = format!("/v3/rooms/{}/join", segment(&room));

    bob.post(&join, json!({})).await.refused(403, "M_FORBIDDEN");
    alice.invites(&room, &bob).await;
    bob.post(&join, json!({})).await.ok();
}

#[tokio::test]
async fn an_unknown_room_cannot_be_joined() {
    let world = World::start().await;
    let bob = world.user("bob").await;

    for room in ["!nowhere:localhost", "#nowhere:localhost"] {
        let reply = bob.post(&format!("/v3/join/{}", segment(room)), json!({})).await;
        assert!(matches!(reply.status, 403 | 404), "{room}: {} {}", reply.status, reply.body);
    }
    assert_eq!(bob.post("/v3/join/nonsense", json!({})).await.status, 400);
}

#[tokio::test]
async fn an_invite_may_be_refused() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.creates_room(json!({ "invite": [bob.id] })).await;
    bob.syncs_until(|sync| !sync.invite(&room).is_empty()).await;

    bob.leaves(&room).await;

    let sync = bob.syncs_until(|sync| sync.left(&room).is_object()).await;
    let told = sync.left(&room)["timeline"]["events"].as_array().cloned().unwrap_or_default();
    assert!(told.iter().any(|e| e["content"]["membership"] == "leave"), "his own leave is told: {}", sync.0);
    bob.post(&format!("/v3/join/{}", segment(&room)), json!({})).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn an_invite_is_refused_in_a_room_that_everyone_has_left() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let hidden =
        json!([{ "type": "m.room.history_visibility", "content": { "history_visibility": "joined" } }]);
    let room = alice.creates_room(json!({ "invite": [bob.id], "initial_state": hidden })).await;
    bob.syncs_until(|sync| !sync.invite(&room).is_empty()).await;
    alice.leaves(&room).await;

    bob.leaves(&room).await;

    let sync = bob.syncs_until(|sync| sync.left(&room).is_object()).await;
    let told = sync.left(&room)["timeline"]["events"].as_array().cloned().unwrap_or_default();
    assert_eq!(told.len(), 1, "his own leave and nothing else: {}", sync.0);
}

#[tokio::test]
async fn a_request_without_a_body_is_one_with_an_empty_object() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice]).await;

    for path in [
        format!("/join/{}", segment(&room)),
        format!("/rooms/{}/leave", segment(&room)),
        format!("/rooms/{}/forget", segment(&room)),
        format!("/rooms/{}/join", segment(&room)),
        "/createRoom".to_owned(),
        "/logout".to_owned(),
    ] {
        bob.request("POST", &format!("/_matrix/client/v3{path}"), None).await.ok();
    }
}

#[tokio::test]
async fn a_room_left_and_forgotten_at_once_is_still_told_to_the_other_devices() {
    let world = World::start().await;
    let (alice, phone) = (world.user("alice").await, world.user("bob").await);
    let laptop = phone.logs_in().await;
    let room = world.room_of(&[&alice, &phone]).await;
    laptop.syncs().await;

    phone.leaves(&room).await;
    phone.acts_in(&room, "forget", json!({})).await.ok();

    assert!(laptop.syncs().await.left(&room).is_object());
}

#[tokio::test]
async fn an_invite_may_be_taken_back() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.creates_room(json!({ "invite": [bob.id] })).await;
    bob.syncs_until(|sync| !sync.invite(&room).is_empty()).await;

    alice.kicks(&room, &bob).await;

    bob.syncs_until(|sync| sync.left(&room).is_object()).await;
    assert!(bob.syncs_from(None, "timeout=0").await.invite(&room).is_empty());
}

#[tokio::test]
async fn who_is_in_the_room_cannot_be_invited_again() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;

    alice.acts_in(&room, "invite", json!({ "user_id": bob.id })).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn only_members_invite() {
    let world = World::start().await;
    let (alice, bob, carol) = (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let room = world.room_of(&[&alice]).await;

    bob.acts_in(&room, "invite", json!({ "user_id": carol.id })).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn a_reason_travels_with_each_step() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice]).await;
    let why = json!({ "user_id": bob.id, "reason": "because" });

    alice.acts_in(&room, "invite", why.clone()).await.ok();
    bob.acts_in(&room, "join", json!({ "reason": "because" })).await.ok();
    alice.acts_in(&room, "kick", why.clone()).await.ok();
    alice.acts_in(&room, "ban", why.clone()).await.ok();
    alice.acts_in(&room, "unban", why).await.ok();

    let sync =
        alice.syncs_with("timeout=0&filter=%7B%22room%22:%7B%22timeline%22:%7B%22limit%22:50%7D%7D%7D").await;
    let of_bob: Vec<_> =
        sync.timeline(&room).into_iter().filter(|e| e["state_key"] == bob.id.as_str()).collect();
    let steps: Vec<_> = of_bob.iter().filter_map(|e| e["content"]["membership"].as_str()).collect();
    assert_eq!(steps, ["invite", "join", "leave", "ban", "leave"]);
    assert!(of_bob.iter().all(|e| e["content"]["reason"] == "because"), "{of_bob:?}");
}

#[tokio::test]
async fn a_kicked_user_leaves_and_may_come_back() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    bob.syncs().await;

    alice.kicks(&room, &bob).await;

    bob.syncs_until(|sync| sync.left(&room).is_object()).await;
    bob.sends_event(&room, "m.room.message", json!({})).await.refused(403, "M_FORBIDDEN");
    bob.joins(&room).await;
    bob.sends(&room, "back").await;
}

#[tokio::test]
async fn only_the_powerful_kick_and_ban() {
    let world = World::start().await;
    let (alice, bob, carol) = (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let room = world.room_of(&[&alice, &bob, &carol]).await;

    for verb in ["kick", "ban"] {
        for target in [&alice, &carol] {
            bob.acts_in(&room, verb, json!({ "user_id": target.id })).await.refused(403, "M_FORBIDDEN");
        }
    }
}

#[tokio::test]
async fn a_banned_user_stays_out_until_unbanned() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    let join = format!("/v3/join/{}", segment(&room));

    alice.bans(&room, &bob).await;

    bob.post(&join, json!({})).await.refused(403, "M_FORBIDDEN");
    alice.acts_in(&room, "invite", json!({ "user_id": bob.id })).await.refused(403, "M_FORBIDDEN");
    alice.acts_in(&room, "unban", json!({ "user_id": bob.id })).await.ok();
    bob.post(&join, json!({})).await.ok();
}

#[tokio::test]
async fn kicking_who_is_not_there_is_refused() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice]).await;

    alice.acts_in(&room, "kick", json!({ "user_id": bob.id })).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn a_room_is_forgotten_only_after_leaving() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;

    bob.acts_in(&room, "forget", json!({})).await.refused(400, "M_UNKNOWN");
    bob.leaves(&room).await;
    bob.asks_in(&room, "messages?dir=b").await.ok();
    bob.acts_in(&room, "forget", json!({})).await.ok();

    bob.asks_in(&room, "messages?dir=b").await.refused(403, "M_FORBIDDEN");
    let filter = "%7B%22room%22:%7B%22include_leave%22:true%7D%7D";
    let sync = bob.syncs_from(None, &format!("timeout=0&filter={filter}")).await;
    assert!(sync.left(&room).is_null(), "{}", sync.0);
}

#[tokio::test]
async fn a_knock_is_seen_answered_by_an_invite_and_joined() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let rule = json!([{ "type": "m.room.join_rules", "content": { "join_rule": "knock" } }]);
    let room = alice.creates_room(json!({ "initial_state": rule, "name": "Stage" })).await;
    alice.syncs().await;

    bob.post(&format!("/v3/knock/{}", segment(&room)), json!({ "reason": "please" })).await.ok();

    let knocked = bob.syncs().await.knock(&room);
    assert!(knocked.iter().any(|e| e["type"] == "m.room.name"), "{knocked:?}");
    let told = |e: &playhouse_tests::Value| {
        e["content"]["membership"] == "knock" && e["content"]["reason"] == "please"
    };
    alice.syncs_until(|sync| sync.timeline(&room).iter().any(told)).await;
    bob.post(&format!("/v3/join/{}", segment(&room)), json!({})).await.refused(403, "M_FORBIDDEN");
    alice.invites(&room, &bob).await;
    bob.joins(&room).await;
}

#[tokio::test]
async fn a_knock_on_a_room_that_takes_none_is_refused() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.creates_room(json!({})).await;

    bob.post(&format!("/v3/knock/{}", segment(&room)), json!({})).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn a_restricted_room_opens_to_members_of_the_other_room() {
    let world = World::start().await;
    let (alice, bob, carol) = (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let club = world.room_of(&[&alice, &bob]).await;
    let allow = json!([{ "type": "m.room_membership", "room_id": club }]);
    let rule =
        json!([{ "type": "m.room.join_rules", "content": { "join_rule": "restricted", "allow": allow } }]);
    let room = alice.creates_room(json!({ "initial_state": rule })).await;

    bob.joins(&room).await;

    let joined = bob.reads_state(&room, "m.room.member", &bob.id).await.ok();
    assert_eq!(joined["join_authorised_via_users_server"], json!(alice.id));
    carol.post(&format!("/v3/join/{}", segment(&room)), json!({})).await.refused(403, "M_FORBIDDEN");
    carol.joins(&club).await;
    carol.joins(&room).await;
}

#[tokio::test]
async fn a_knock_restricted_room_opens_both_ways() {
    let world = World::start().await;
    let (alice, bob, carol) = (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let club = world.room_of(&[&alice, &bob]).await;
    let allow = json!([{ "type": "m.room_membership", "room_id": club }]);
    let content = json!({ "join_rule": "knock_restricted", "allow": allow });
    let rule = json!([{ "type": "m.room.join_rules", "content": content }]);
    let room = alice.creates_room(json!({ "initial_state": rule })).await;

    bob.joins(&room).await;
    carol.post(&format!("/v3/knock/{}", segment(&room)), json!({})).await.ok();
    alice.invites(&room, &carol).await;
    carol.joins(&room).await;
}

#[tokio::test]
async fn membership_set_as_state_obeys_the_same_rules() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;

    let left = json!({ "membership": "leave" });
    bob.sets_state(&room, "m.room.member", &alice.id, left.clone()).await.refused(403, "M_FORBIDDEN");
    alice.sets_state(&room, "m.room.member", &bob.id, left).await.ok();
    alice
        .sets_state(&room, "m.room.member", &bob.id, json!({ "membership": "join" }))
        .await
        .refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn who_takes_no_invites_gets_none() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.creates_room(json!({})).await;
    let path = format!("/v3/user/{}/account_data/m.invite_permission_config", segment(&bob.id));
    bob.put(&path, json!({ "default_action": "block" })).await.ok();

    let invite = json!({ "user_id": bob.id });
    alice.acts_in(&room, "invite", invite.clone()).await.refused(403, "M_INVITE_BLOCKED");
    let state = alice.sets_state(&room, "m.room.member", &bob.id, json!({ "membership": "invite" })).await;
    state.refused(403, "M_INVITE_BLOCKED");
    alice.post("/v3/createRoom", json!({ "invite": [bob.id] })).await.refused(403, "M_INVITE_BLOCKED");
    bob.put(&path, json!({})).await.ok();
    alice.acts_in(&room, "invite", invite).await.ok();
}

#[tokio::test]
async fn people_are_invited_by_their_user_ids_alone() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({ "preset": "public_chat" })).await;
    let address = json!({
        "id_server": "id.example", "id_access_token": "t", "medium": "email", "address": "bob@mail.example",
    });

    alice.acts_in(&room, "invite", address.clone()).await.refused(403, "M_THREEPID_DENIED");
    alice.post("/v3/createRoom", json!({ "invite_3pid": [address] })).await.refused(403, "M_THREEPID_DENIED");
    let far = json!({ "user_id": "@bob:elsewhere.example" });
    alice.acts_in(&room, "invite", far).await.refused(502, "M_UNKNOWN");
}

#[tokio::test]
async fn a_join_says_what_the_client_adds_to_it() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice]).await;

    let body = json!({ "foo": "bar", "displayname": "Here", "membership": "ban" });
    bob.post(&format!("/v3/join/{}", segment(&room)), body).await.ok();

    let member = alice.reads_state(&room, "m.room.member", &bob.id).await.ok();
    assert_eq!(
        (&member["membership"], &member["foo"], &member["displayname"]),
        (&json!("join"), &json!("bar"), &json!("Here"))
    );
}
