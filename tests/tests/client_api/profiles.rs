//! Display names, avatars and other fields of a profile, and how they spread into rooms.

use playhouse_tests::{World, json, segment};

#[tokio::test]
async fn a_display_name_is_set_read_by_all_and_spreads_into_rooms() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&bob, &alice]).await;
    let path = format!("/v3/profile/{}", segment(&alice.id));

    alice.put(&format!("{path}/displayname"), json!({ "displayname": "Alice!" })).await.ok();
    alice.put(&format!("{path}/avatar_url"), json!({ "avatar_url": "mxc://localhost/a" })).await.ok();

    let profile = world.request("GET", &format!("/_matrix/client{path}"), None).await.ok();
    assert_eq!(profile, json!({ "displayname": "Alice!", "avatar_url": "mxc://localhost/a" }));
    let told = |e: &playhouse_tests::Value| {
        let content = &e["content"];
        content["displayname"] == "Alice!" && content["avatar_url"] == "mxc://localhost/a"
    };
    bob.syncs_until(|sync| {
        sync.timeline(&room).iter().any(|e| e["state_key"] == alice.id.as_str() && told(e))
    })
    .await;
}

#[tokio::test]
async fn a_new_user_is_called_by_the_name_that_was_registered_and_may_drop_it() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let path = format!("/v3/profile/{}/displayname", segment(&alice.id));

    assert_eq!(bob.get(&path).await.ok(), json!({ "displayname": "alice" }));
    let room = world.room_of(&[&alice, &bob]).await;
    let member = bob.reads_state(&room, "m.room.member", &alice.id).await.ok();
    assert_eq!(member["displayname"], "alice");

    alice.delete(&path).await.ok();
    bob.get(&path).await.refused(404, "M_NOT_FOUND");
    let member = bob.reads_state(&room, "m.room.member", &alice.id).await.ok();
    assert!(member.get("displayname").is_none());
}

#[tokio::test]
async fn nobody_sets_the_profile_of_another() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let path = format!("/v3/profile/{}/displayname", segment(&bob.id));

    alice.put(&path, json!({ "displayname": "Bob the fool" })).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn an_unknown_user_has_no_profile() {
    let world = World::start().await;

    let reply = world.request("GET", "/_matrix/client/v3/profile/%40nobody%3Alocalhost", None).await;
    reply.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn other_fields_are_set_read_and_removed() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let path = format!("/v3/profile/{}", segment(&alice.id));

    alice.put(&format!("{path}/m.tz"), json!({ "m.tz": "Europe/Berlin" })).await.ok();

    assert_eq!(alice.get(&format!("{path}/m.tz")).await.ok(), json!({ "m.tz": "Europe/Berlin" }));
    assert_eq!(alice.get(&path).await.ok()["m.tz"], "Europe/Berlin");
    alice.delete(&format!("{path}/m.tz")).await.ok();
    alice.get(&format!("{path}/m.tz")).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn a_name_of_the_wrong_type_is_refused() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let path = format!("/v3/profile/{}", segment(&alice.id));

    for (field, value) in [("displayname", json!(7)), ("displayname", json!([])), ("avatar_url", json!({}))] {
        let reply = alice.put(&format!("{path}/{field}"), json!({ field: value })).await;
        assert_eq!(reply.status, 400, "{field} {value}: {}", reply.body);
    }
}
