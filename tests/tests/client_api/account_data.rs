//! Account data, tags and the list of ignored users.

use playhouse_tests::{User, World, json, segment};

fn path(user: &User, kind: &str) -> String {
    format!("/v3/user/{}/account_data/{}", segment(&user.id), segment(kind))
}

fn room_path(user: &User, room: &str, rest: &str) -> String {
    format!("/v3/user/{}/rooms/{}/{rest}", segment(&user.id), segment(room))
}

#[tokio::test]
async fn global_account_data_is_kept_and_told_once() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    alice.syncs().await;

    alice.put(&path(&alice, "org.example.seat"), json!({ "row": 7 })).await.ok();

    assert_eq!(alice.get(&path(&alice, "org.example.seat")).await.ok(), json!({ "row": 7 }));
    let told = alice.syncs().await.account_data();
    assert_eq!(told, [json!({ "type": "org.example.seat", "content": { "row": 7 } })]);
    assert!(alice.syncs().await.account_data().is_empty());
}

#[tokio::test]
async fn room_account_data_is_kept_and_told() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;
    alice.syncs().await;
    let path = room_path(&alice, &room, "account_data/org.example.seat");

    alice.put(&path, json!({ "row": 9 })).await.ok();

    assert_eq!(alice.get(&path).await.ok(), json!({ "row": 9 }));
    let told = alice.syncs().await.room_account_data(&room);
    assert_eq!(told, [json!({ "type": "org.example.seat", "content": { "row": 9 } })]);
}

#[tokio::test]
async fn account_data_of_others_is_out_of_reach() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);

    alice.put(&path(&bob, "org.example.seat"), json!({})).await.refused(403, "M_FORBIDDEN");
    alice.get(&path(&bob, "org.example.seat")).await.refused(403, "M_FORBIDDEN");
    alice.get(&path(&alice, "org.example.none")).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn types_that_the_server_manages_are_refused() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;

    let reply = alice.put(&room_path(&alice, &room, "account_data/m.fully_read"), json!({})).await;
    reply.refused(405, "M_BAD_JSON");
    alice.put(&path(&alice, "m.push_rules"), json!({})).await.refused(405, "M_BAD_JSON");
}

#[tokio::test]
async fn tags_are_set_listed_told_and_removed() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = alice.creates_room(json!({})).await;
    alice.syncs().await;
    let tags = room_path(&alice, &room, "tags");

    alice.put(&format!("{tags}/u.work"), json!({ "order": 0.25 })).await.ok();

    assert_eq!(alice.get(&tags).await.ok(), json!({ "tags": { "u.work": { "order": 0.25 } } }));
    let told = alice.syncs().await.room_account_data(&room);
    assert_eq!(told, [json!({ "type": "m.tag", "content": { "tags": { "u.work": { "order": 0.25 } } } })]);
    alice.delete(&format!("{tags}/u.work")).await.ok();
    assert_eq!(alice.get(&tags).await.ok(), json!({ "tags": {} }));
    let told = alice.syncs().await.room_account_data(&room);
    assert_eq!(told, [json!({ "type": "m.tag", "content": { "tags": {} } })]);
}

#[tokio::test]
async fn an_ignored_user_is_not_heard() {
    let world = World::start().await;
    let (alice, mallory) = (world.user("alice").await, world.user("mallory").await);
    let room = world.room_of(&[&alice, &mallory]).await;
    let list = json!({ "ignored_users": { &mallory.id: {} } });
    alice.put(&path(&alice, "m.ignored_user_list"), list).await.ok();
    alice.syncs().await;

    mallory.sends(&room, "can you hear me").await;
    let other = mallory.creates_room(json!({ "invite": [alice.id] })).await;
    alice.sends(&room, "silence").await;

    let sync = alice.hears(&room, "silence").await;
    assert_eq!(sync.messages(&room), ["silence"]);
    assert!(sync.invite(&other).is_empty());
    assert_eq!(alice.reads_messages(&room).await, ["silence"]);
}
