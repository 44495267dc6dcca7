//! Reading and setting the state of a room, and the lists of its members.

use playhouse_tests::{World, json, segment};

#[tokio::test]
async fn state_is_set_and_read_in_all_forms() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;
    let path = format!("/v3/rooms/{}/state/org.example.prop", segment(&room));

    alice.put(&path, json!({ "at": "no key" })).await.ok();
    alice.put(&format!("{path}/"), json!({ "at": "empty key" })).await.ok();
    let set = alice.put(&format!("{path}/left"), json!({ "at": "left" })).await.ok();

    assert_eq!(alice.get(&path).await.ok(), json!({ "at": "empty key" }));
    assert_eq!(alice.get(&format!("{path}/left")).await.ok(), json!({ "at": "left" }));
    let event = alice.get(&format!("{path}/left?format=event")).await.ok();
    assert_eq!(event["event_id"], set["event_id"]);
    assert_eq!((&event["sender"], &event["state_key"]), (&json!(alice.id), &json!("left")));
    let all = alice.asks_in(&room, "state").await.ok();
    let props = all.as_array().expect("a list").iter().filter(|e| e["type"] == "org.example.prop").count();
    assert_eq!(props, 2);
}

#[tokio::test]
async fn keys_with_slashes_and_other_signs_are_kept() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;

    for key in ["a/b", "ü 💥", "%2F", "..", "a?b#c", "+"] {
        alice.sets_state(&room, "org.example.prop", key, json!({ "key": key })).await.ok();
        assert_eq!(alice.reads_state(&room, "org.example.prop", key).await.ok(), json!({ "key": key }));
    }
}

#[tokio::test]
async fn state_that_is_not_there_is_not_found() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = alice.creates_room(json!({})).await;

    alice.reads_state(&room, "org.example.none", "").await.refused(404, "M_NOT_FOUND");
    bob.reads_state(&room, "m.room.create", "").await.refused(403, "M_FORBIDDEN");
    bob.asks_in(&room, "state").await.refused(403, "M_FORBIDDEN");
    bob.asks_in("!none:localhost", "state").await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn the_same_state_again_makes_no_new_event() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;
    let topic = json!({ "topic": "what is played" });

    let first = alice.sets_state(&room, "m.room.topic", "", topic.clone()).await.ok();
    let second = alice.sets_state(&room, "m.room.topic", "", topic).await.ok();

    assert_eq!(first["event_id"], second["event_id"]);
}

#[tokio::test]
async fn power_is_needed_and_nobody_gives_more_than_they_have() {
    let world = World::start().await;
    let (alice, bob, carol) = (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let options = json!({ "preset": "public_chat", "room_version": "11" });
    let room = alice.creates_room(options).await;
    bob.joins(&room).await;
    carol.joins(&room).await;
    let mut levels = alice.reads_state(&room, "m.room.power_levels", "").await.ok();
    levels["users"][&bob.id] = json!(50);
    levels["events"]["m.room.power_levels"] = json!(50);
    alice.sets_state(&room, "m.room.power_levels", "", levels.clone()).await.ok();

    bob.sets_state(&room, "m.room.topic", "", json!({ "topic": "his" })).await.ok();
    carol.sets_state(&room, "m.room.topic", "", json!({ "topic": "hers" })).await.refused(403, "M_FORBIDDEN");
    for (user, level) in [(&bob, 60), (&carol, 51), (&alice, 50)] {
        let mut wish = levels.clone();
        wish["users"][&user.id] = json!(level);
        bob.sets_state(&room, "m.room.power_levels", "", wish).await.refused(403, "M_FORBIDDEN");
    }
    levels["users"][&carol.id] = json!(50);
    bob.sets_state(&room, "m.room.power_levels", "", levels).await.ok();
}

#[tokio::test]
async fn malformed_power_levels_are_a_bad_request_and_no_want_of_power() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let wishes = [
        json!({ "users_default": "none" }),
        json!({ "users": { "bob": 50 } }),
        json!({ "users": ["@bob:localhost"] }),
        json!({ "events": { "m.room.topic": null } }),
        json!({ "notifications": 50 }),
    ];
    for version in ["9", "12"] {
        let room = alice.creates_room(json!({ "room_version": version })).await;
        let levels = alice.reads_state(&room, "m.room.power_levels", "").await.ok();
        for wish in &wishes {
            let mut wished = levels.clone();
            wished.as_object_mut().expect("an object").extend(wish.as_object().expect("an object").clone());
            alice.sets_state(&room, "m.room.power_levels", "", wished).await.refused(400, "M_BAD_JSON");
        }
        assert_eq!(alice.reads_state(&room, "m.room.power_levels", "").await.ok(), levels);
    }
}

#[tokio::test]
async fn power_levels_written_as_text_are_taken_up_to_version_9() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    for (version, status) in [("9", 200), ("10", 400)] {
        let room = alice.creates_room(json!({ "room_version": version })).await;
        let mut levels = alice.reads_state(&room, "m.room.power_levels", "").await.ok();
        levels["ban"] = json!("60");
        let reply = alice.sets_state(&room, "m.room.power_levels", "", levels).await;
        assert_eq!(reply.status, status, "version {version}: {}", reply.body);
    }
}

#[tokio::test]
async fn a_state_key_that_is_another_users_id_is_theirs() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let options = json!({ "preset": "public_chat", "power_level_content_override": { "state_default": 0 } });
    let room = alice.creates_room(options).await;
    bob.joins(&room).await;

    bob.sets_state(&room, "org.example.prop", &bob.id, json!({})).await.ok();
    bob.sets_state(&room, "org.example.prop", &alice.id, json!({})).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn members_are_listed_and_filtered() {
    let world = World::start().await;
    let (alice, bob, carol) = (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let room = world.room_of(&[&alice, &bob]).await;
    alice.invites(&room, &carol).await;
    bob.leaves(&room).await;
    let members = async |query: &str| {
        let listed = alice.asks_in(&room, &format!("members?{query}")).await.ok();
        let chunk = listed["chunk"].as_array().cloned().expect("a list");
        let mut ids: Vec<_> =
            chunk.iter().map(|e| e["state_key"].as_str().expect("a user").to_owned()).collect();
        ids.sort();
        ids
    };

    assert_eq!(members("").await, [&*alice.id, &*bob.id, &*carol.id]);
    assert_eq!(members("membership=join").await, [&*alice.id]);
    assert_eq!(members("membership=invite").await, [&*carol.id]);
    assert_eq!(members("not_membership=leave").await, [&*alice.id, &*carol.id]);
}

#[tokio::test]
async fn members_at_an_earlier_time_are_those_of_then() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice]).await;
    let then = alice.syncs().await.next_batch().to_owned();
    bob.joins(&room).await;

    let listed = alice.asks_in(&room, &format!("members?membership=join&at={}", segment(&then))).await.ok();

    let ids: Vec<_> =
        listed["chunk"].as_array().expect("a list").iter().map(|e| e["state_key"].clone()).collect();
    assert_eq!(ids, [json!(alice.id)]);
}

#[tokio::test]
async fn joined_members_come_with_their_profiles() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    let path = format!("/v3/profile/{}/displayname", segment(&bob.id));
    bob.put(&path, json!({ "displayname": "Bob!" })).await.ok();

    let renamed = |e: &playhouse_tests::Value| e["content"]["displayname"] == "Bob!";
    alice.syncs_until(|sync| sync.state(&room).iter().chain(&sync.timeline(&room)).any(renamed)).await;
    let answer = alice.asks_in(&room, "joined_members").await.ok();

    assert_eq!(answer["joined"][&bob.id]["display_name"], "Bob!");
    assert_eq!(answer["joined"].as_object().map(serde_json::Map::len), Some(2));
}
