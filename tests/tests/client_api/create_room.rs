//! `createRoom`: presets, options, and what it refuses.

use playhouse_tests::{World, json};

#[tokio::test]
async fn presets_set_join_rule_history_and_guests() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);

    for (preset, join_rule, guests) in [
        ("private_chat", "invite", "can_join"),
        ("trusted_private_chat", "invite", "can_join"),
        ("public_chat", "public", "forbidden"),
    ] {
        let room =
            alice.creates_room(json!({ "preset": preset, "room_version": "11", "invite": [bob.id] })).await;

        assert_eq!(alice.reads_state(&room, "m.room.join_rules", "").await.ok()["join_rule"], join_rule);
        let history = alice.reads_state(&room, "m.room.history_visibility", "").await.ok();
        assert_eq!(history["history_visibility"], "shared");
        let set = alice.reads_state(&room, "m.room.guest_access", "").await.body;
        assert_eq!(set["guest_access"].as_str().unwrap_or("forbidden"), guests);
        let levels = alice.reads_state(&room, "m.room.power_levels", "").await.ok();
        assert_eq!(levels["users"][&alice.id], 100);
        let trusted = preset == "trusted_private_chat";
        assert_eq!(levels["users"][&bob.id], if trusted { json!(100) } else { json!(null) });
    }
}

#[tokio::test]
async fn visibility_alone_chooses_the_preset() {
    let world = World::start().await;
    let alice = world.user("alice").await;

    for (visibility, join_rule) in [("public", "public"), ("private", "invite")] {
        let room = alice.creates_room(json!({ "visibility": visibility })).await;
        assert_eq!(alice.reads_state(&room, "m.room.join_rules", "").await.ok()["join_rule"], join_rule);
    }
}

#[tokio::test]
async fn name_topic_alias_and_initial_state_are_set_in_order() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let encryption = json!({ "algorithm": "m.megolm.v1.aes-sha2" });

    let room = alice
        .creates_room(json!({
            "name": "Stage", "topic": "what is played", "room_alias_name": "stage",
            "initial_state": [{ "type": "m.room.encryption", "content": encryption }],
        }))
        .await;

    assert_eq!(alice.reads_state(&room, "m.room.name", "").await.ok()["name"], "Stage");
    assert_eq!(alice.reads_state(&room, "m.room.topic", "").await.ok()["topic"], "what is played");
    assert_eq!(
        alice.reads_state(&room, "m.room.canonical_alias", "").await.ok()["alias"],
        "#stage:localhost"
    );
    assert_eq!(alice.reads_state(&room, "m.room.encryption", "").await.ok(), encryption);
    let sync = alice
        .syncs_with("timeout=0&filter={\"room\":{\"timeline\":{\"limit\":50}}}".replace('"', "%22").as_str())
        .await;
    let kinds: Vec<_> =
        sync.timeline(&room).iter().map(|e| e["type"].as_str().expect("a type").to_owned()).collect();
    assert_eq!(kinds[..3], ["m.room.create", "m.room.member", "m.room.power_levels"]);
}

#[tokio::test]
async fn creation_content_goes_into_the_create_event() {
    let world = World::start().await;
    let alice = world.user("alice").await;

    let options =
        json!({ "creation_content": { "type": "m.space", "m.federate": false, "room_version": "1" } });
    let room = alice.creates_room(options).await;

    let create = alice.reads_state(&room, "m.room.create", "").await.ok();
    assert_eq!((&create["type"], &create["m.federate"]), (&json!("m.space"), &json!(false)));
    assert_eq!(create["room_version"], "12");
}

#[tokio::test]
async fn power_levels_may_be_overridden() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let levels = json!({ "events": { "m.room.name": 7 }, "invite": 50 });

    let room = alice.creates_room(json!({ "power_level_content_override": levels })).await;

    let set = alice.reads_state(&room, "m.room.power_levels", "").await.ok();
    assert_eq!((&set["events"]["m.room.name"], &set["invite"]), (&json!(7), &json!(50)));
}

#[tokio::test]
async fn invited_users_are_invited_and_a_direct_chat_says_so() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);

    let options = json!({ "invite": [bob.id], "is_direct": true, "preset": "trusted_private_chat" });
    let room = alice.creates_room(options).await;

    let sync = bob.syncs_until(|sync| !sync.invite(&room).is_empty()).await;
    let invite = sync.invite(&room);
    let member = invite.iter().find(|e| e["state_key"] == bob.id.as_str()).expect("his own invite");
    assert_eq!(member["content"]["is_direct"], true);
    assert!(invite.iter().any(|e| e["type"] == "m.room.create"), "{invite:?}");
}

#[tokio::test]
async fn every_stable_room_version_can_be_made() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);

    for version in ["6", "7", "8", "9", "10", "11", "12"] {
        let room = alice.creates_room(json!({ "room_version": version, "preset": "public_chat" })).await;
        bob.joins(&room).await;
        bob.sends(&room, version).await;
        assert_eq!(alice.reads_messages(&room).await, [version]);
        assert_eq!(alice.reads_state(&room, "m.room.create", "").await.ok()["room_version"], version);
    }
}

#[tokio::test]
async fn the_creator_of_a_version_12_room_is_above_all_levels() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;

    let levels = alice.reads_state(&room, "m.room.power_levels", "").await.ok();

    assert!(levels["users"][&alice.id].is_null(), "{levels}");
    let mut named = levels.clone();
    named["users"] = json!({ &alice.id: 100 });
    assert_eq!(alice.sets_state(&room, "m.room.power_levels", "", named).await.status, 400);
    alice.sets_state(&room, "m.room.topic", "", json!({ "topic": "mine" })).await.ok();
    bob.sets_state(&room, "m.room.topic", "", json!({ "topic": "his" })).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn impossible_rooms_are_refused() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    alice.creates_room(json!({ "room_alias_name": "taken" })).await;

    for (options, errcode) in [
        (json!({ "room_version": "9000" }), "M_UNSUPPORTED_ROOM_VERSION"),
        (json!({ "room_alias_name": "taken" }), "M_ROOM_IN_USE"),
        (json!({ "room_version": 10 }), "M_BAD_JSON"),
        (json!({ "invite": "everyone" }), "M_BAD_JSON"),
        (json!({ "name": 7 }), "M_BAD_JSON"),
        (json!({ "preset": "wild_party" }), "M_BAD_JSON"),
    ] {
        let reply = alice.post("/v3/createRoom", options.clone()).await;
        assert_eq!(reply.status, 400, "{options}: {}", reply.body);
        assert_eq!(reply.body["errcode"], errcode, "{options}: {}", reply.body);
    }
    assert_eq!(alice.get("/v3/joined_rooms").await.ok()["joined_rooms"].as_array().map(Vec::len), Some(1));
}
