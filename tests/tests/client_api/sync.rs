//! `/sync`: nothing lost, nothing repeated, and the right state at the start of the timeline.

use std::time::{Duration, Instant};

use playhouse_tests::{Sync, User, Value, World, json, segment};

fn timeline_limit(limit: u32) -> String {
    let filter = json!({ "room": { "timeline": { "limit": limit } } });
    format!("timeout=0&filter={}", segment(&filter.to_string()))
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|e| e["type"].as_str()).collect()
}

#[tokio::test]
async fn a_first_sync_tells_each_room_with_its_state() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    for n in 0..30 {
        alice.sends(&room, &format!("line {n}")).await;
    }

    let sync = bob.syncs_with(&timeline_limit(5)).await;

    assert_eq!(sync.messages(&room), (25..30).map(|n| format!("line {n}")).collect::<Vec<_>>());
    assert_eq!(sync.joined(&room)["timeline"]["limited"], true);
    let state = sync.state(&room);
    for kind in ["m.room.create", "m.room.power_levels", "m.room.join_rules", "m.room.member"] {
        assert!(kinds(&state).contains(&kind), "no {kind} in {state:?}");
    }
    assert!(state.iter().all(|e| e["state_key"].is_string()));
}

#[tokio::test]
async fn nothing_new_is_told_as_nothing() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    alice.creates_room(json!({})).await;
    alice.syncs().await;

    let sync = alice.syncs().await;

    let joined = sync.0["rooms"]["join"].as_object();
    assert!(joined.is_none_or(serde_json::Map::is_empty), "{}", sync.0);
}

#[tokio::test]
async fn a_long_poll_waits_and_wakes() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    bob.syncs().await;

    let began = Instant::now();
    let empty = bob.syncs_with("timeout=400").await;
    assert!(began.elapsed() >= Duration::from_millis(390), "it did not wait");
    assert!(empty.joined(&room).is_null());

    let waiting = tokio::spawn({
        let bob = bob.clone();
        async move { bob.syncs_with("timeout=30000").await }
    });
    let began = Instant::now();
    alice.sends(&room, "wake up").await;
    let sync = waiting.await.expect("no panic");
    assert_eq!(sync.messages(&room), ["wake up"]);
    assert!(began.elapsed() < Duration::from_secs(5), "it woke late");
}

#[tokio::test]
async fn what_many_send_at_once_arrives_once_and_in_the_same_order_everywhere() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    let (mut here, mut there) = (Vec::new(), Vec::new());
    alice.syncs().await;
    bob.syncs().await;

    let senders = [&alice, &bob].map(|user| {
        let (user, room) = (user.clone(), room.clone());
        tokio::spawn(async move {
            for n in 0..40 {
                user.sends(&room, &format!("{} {n}", user.id)).await;
            }
        })
    });
    let all = "timeout=1000&filter=%7B%22room%22:%7B%22timeline%22:%7B%22limit%22:100%7D%7D%7D";
    while here.len() < 80 || there.len() < 80 {
        here.extend(alice.syncs_with(all).await.messages(&room));
        there.extend(bob.syncs_with(all).await.messages(&room));
    }
    for sender in senders {
        sender.await.expect("no panic");
    }

    assert_eq!(here, there);
    here.sort();
    here.dedup();
    assert_eq!(here.len(), 80);
}

#[tokio::test]
async fn an_old_token_tells_the_same_again() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;
    let old = alice.syncs().await.next_batch().to_owned();
    alice.sends(&room, "one").await;
    alice.syncs().await;
    alice.sends(&room, "two").await;

    let again = alice.syncs_from(Some(&old), "timeout=0").await;

    assert_eq!(again.messages(&room), ["one", "two"]);
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let world = World::start().await;
    let alice = world.user("alice").await;

    for token in ["nonsense", "s", "💥", "-1", "s99999999999999999999999"] {
        let reply = alice.get(&format!("/v3/sync?timeout=0&since={}", segment(token))).await;
        assert_eq!(reply.status, 400, "{token}: {}", reply.body);
    }
}

#[tokio::test]
async fn state_that_changed_in_the_gap_is_told_beside_a_limited_timeline() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    bob.syncs().await;
    alice.sets_state(&room, "m.room.topic", "", json!({ "topic": "in the gap" })).await.ok();
    for n in 0..5 {
        alice.sends(&room, &format!("line {n}")).await;
    }

    let sync = bob.syncs_with(&timeline_limit(3)).await;

    assert_eq!(kinds(&sync.state(&room)), ["m.room.topic"]);
    assert_eq!(sync.timeline(&room).len(), 3);
    assert_eq!(sync.joined(&room)["timeline"]["limited"], true);
}

#[tokio::test]
async fn state_in_the_timeline_is_not_told_in_the_state() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    bob.syncs().await;

    alice.sets_state(&room, "m.room.topic", "", json!({ "topic": "new" })).await.ok();

    let sync = bob.syncs_until(|sync| sync.joined(&room).is_object()).await;
    assert_eq!(kinds(&sync.timeline(&room)), ["m.room.topic"]);
    assert!(sync.state(&room).is_empty(), "{}", sync.0);
    assert_ne!(sync.joined(&room)["timeline"]["limited"], true);
}

#[tokio::test]
async fn replaced_state_carries_what_stood_before() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({ "topic": "old" })).await;
    alice.syncs().await;

    alice.sets_state(&room, "m.room.topic", "", json!({ "topic": "new" })).await.ok();

    let event = alice.syncs().await.timeline(&room)[0].clone();
    assert_eq!(event["unsigned"]["prev_content"]["topic"], "old", "{event}");
}

#[tokio::test]
async fn full_state_tells_everything_again() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;
    alice.syncs().await;

    let sync = alice.syncs_with("timeout=0&full_state=true").await;

    assert!(kinds(&sync.state(&room)).contains(&"m.room.create"), "{}", sync.0);
}

#[tokio::test]
async fn a_room_joined_later_is_told_with_its_whole_state() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice]).await;
    for n in 0..20 {
        alice.sends(&room, &format!("line {n}")).await;
    }
    bob.syncs().await;

    bob.joins(&room).await;

    let sync = bob.syncs_with(&timeline_limit(2)).await;
    let state = sync.state(&room);
    assert!(kinds(&state).contains(&"m.room.create"), "{}", sync.0);
    assert!(kinds(&state).contains(&"m.room.power_levels"));
    assert_eq!(sync.timeline(&room).len(), 2);
}

#[tokio::test]
async fn leaving_is_told_once_and_a_later_first_sync_leaves_it_out() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    bob.syncs().await;
    alice.sends(&room, "before").await;

    bob.leaves(&room).await;
    alice.sends(&room, "after").await;

    let sync = bob.syncs().await;
    let timeline = sync.left(&room)["timeline"]["events"].as_array().cloned().unwrap_or_default();
    assert_eq!(kinds(&timeline), ["m.room.message", "m.room.member"]);
    assert!(bob.syncs().await.left(&room).is_null());
    assert!(bob.syncs_from(None, "timeout=0").await.left(&room).is_null());
    let filter = segment(&json!({ "room": { "include_leave": true } }).to_string());
    let archived = bob.syncs_from(None, &format!("timeout=0&filter={filter}")).await;
    assert!(archived.left(&room).is_object(), "{}", archived.0);
}

async fn lazily(user: &User) -> Sync {
    let filter = json!({ "room": { "timeline": { "limit": 2 }, "state": { "lazy_load_members": true } } });
    user.syncs_with(&format!("timeout=0&filter={}", segment(&filter.to_string()))).await
}

fn members_in(events: &[Value]) -> Vec<&str> {
    let members = events.iter().filter(|e| e["type"] == "m.room.member");
    let mut ids: Vec<_> = members.filter_map(|e| e["state_key"].as_str()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn lazy_loading_tells_only_the_members_who_speak() {
    let world = World::start().await;
    let (alice, bob, carol) = (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let room = alice.creates_room(json!({ "preset": "public_chat", "name": "Stage" })).await;
    bob.joins(&room).await;
    carol.joins(&room).await;
    for n in 0..4 {
        bob.sends(&room, &format!("line {n}")).await;
    }

    let sync = lazily(&alice).await;

    assert_eq!(
        members_in(&sync.state(&room)),
        [&*alice.id, &*bob.id],
        "alice is told herself, and bob spoke"
    );
    carol.sends(&room, "me too").await;
    let sync = lazily(&alice).await;
    assert_eq!(members_in(&sync.state(&room)), [&*carol.id], "bob is known already");
    bob.sends(&room, "and me").await;
    let sync = lazily(&alice).await;
    assert_eq!(sync.timeline(&room).len(), 1);
    assert!(members_in(&sync.state(&room)).is_empty(), "bob was sent before");
}

#[tokio::test]
async fn members_are_sent_again_where_the_client_wants_it_so() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    let options = json!({ "lazy_load_members": true, "include_redundant_members": true });
    let filter = segment(&json!({ "room": { "state": options } }).to_string());
    let redundantly = format!("timeout=0&filter={filter}");
    alice.syncs_with(&redundantly).await;

    for n in 0..2 {
        bob.sends(&room, &format!("line {n}")).await;
        let sync = alice.syncs_with(&redundantly).await;
        assert_eq!(members_in(&sync.state(&room)), [&*bob.id]);
    }
}

#[tokio::test]
async fn a_nameless_room_is_told_with_its_heroes_and_their_membership() {
    let world = World::start().await;
    let (alice, bob, carol) = (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let room = world.room_of(&[&alice, &bob, &carol]).await;
    alice.sends(&room, "one").await;
    alice.sends(&room, "two").await;

    let sync = lazily(&alice).await;

    let summary = &sync.joined(&room)["summary"];
    assert_eq!(summary["m.joined_member_count"], 3, "{}", sync.0);
    assert_eq!(summary["m.heroes"], json!([bob.id, carol.id]));
    assert_eq!(members_in(&sync.state(&room)), [&*alice.id, &*bob.id, &*carol.id]);
}

#[tokio::test]
async fn a_named_room_has_no_heroes() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.creates_room(json!({ "name": "Stage", "invite": [bob.id] })).await;

    let filter = segment(&json!({ "room": { "state": { "lazy_load_members": true } } }).to_string());
    let sync = alice.syncs_with(&format!("timeout=0&filter={filter}")).await;

    let summary = &sync.joined(&room)["summary"];
    assert!(summary["m.heroes"].as_array().is_none_or(Vec::is_empty), "{summary}");
    assert_eq!(summary["m.invited_member_count"], 1);
}

#[tokio::test]
async fn an_invite_is_counted_and_makes_a_hero_in_the_next_sync() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.creates_room(json!({})).await;
    alice.syncs().await;

    alice.invites(&room, &bob).await;
    let sync = alice.syncs().await;

    let summary = &sync.joined(&room)["summary"];
    assert_eq!(summary["m.invited_member_count"], 1, "{}", sync.0);
    assert_eq!(summary["m.heroes"], json!([bob.id]));
}

#[tokio::test]
async fn a_room_that_loses_its_name_is_told_with_its_heroes() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.creates_room(json!({ "preset": "public_chat", "name": "Stage" })).await;
    bob.joins(&room).await;
    lazily(&alice).await;

    alice.sets_state(&room, "m.room.name", "", json!({})).await.ok();
    let sync = lazily(&alice).await;

    assert_eq!(sync.joined(&room)["summary"]["m.heroes"], json!([bob.id]), "{}", sync.0);
}

#[tokio::test]
async fn state_after_is_told_where_it_is_asked_for() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    bob.syncs().await;
    alice.sets_state(&room, "m.room.topic", "", json!({ "topic": "new" })).await.ok();
    alice.sends(&room, "hello").await;

    let sync = bob.syncs_with("timeout=0&use_state_after=true").await;

    let after = sync.joined(&room)["state_after"]["events"].as_array().cloned().unwrap_or_default();
    assert_eq!(kinds(&after), ["m.room.topic"], "{}", sync.0);
    assert!(sync.joined(&room)["state"].is_null());
}

#[tokio::test]
async fn events_carry_their_age_and_the_own_membership() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    alice.sends(&room, "hello").await;

    let event = bob.hears(&room, "hello").await.timeline(&room).last().expect("an event").clone();

    assert!(event["unsigned"]["age"].is_i64(), "{event}");
    assert_eq!(event["unsigned"]["membership"], "join");
    assert!(event["room_id"].is_null(), "sync events carry no room id");
}

#[tokio::test]
async fn each_device_has_its_own_place() {
    let world = World::start().await;
    let phone = world.user("alice").await;
    let laptop = phone.logs_in().await;
    let room = phone.creates_room(json!({})).await;
    phone.syncs().await;
    phone.sends(&room, "hello").await;

    let seen = async |device: &User| -> Sync { device.syncs().await };
    assert!(seen(&phone).await.has_message(&room, "hello"));
    assert!(seen(&laptop).await.has_message(&room, "hello"));
    assert!(seen(&phone).await.joined(&room).is_null());
}
