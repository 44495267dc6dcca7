//! Aliases and the public room directory.

use playhouse_tests::{World, json, segment};

const STAGE: &str = "#stage:localhost";

fn path(alias: &str) -> String {
    format!("/v3/directory/room/{}", segment(alias))
}

#[tokio::test]
async fn an_alias_is_made_resolved_listed_and_removed() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice]).await;

    alice.put(&path(STAGE), json!({ "room_id": room })).await.ok();

    let found = world.request("GET", &format!("/_matrix/client{}", path(STAGE)), None).await.ok();
    assert_eq!((&found["room_id"], &found["servers"]), (&json!(room), &json!(["localhost"])));
    assert_eq!(alice.asks_in(&room, "aliases").await.ok(), json!({ "aliases": [STAGE] }));
    bob.joins(STAGE).await;
    alice.delete(&path(STAGE)).await.ok();
    alice.get(&path(STAGE)).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn an_alias_is_taken_once_and_guarded() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    alice.put(&path(STAGE), json!({ "room_id": room })).await.ok();

    bob.put(&path(STAGE), json!({ "room_id": room })).await.refused(409, "M_UNKNOWN");
    bob.delete(&path(STAGE)).await.refused(403, "M_FORBIDDEN");
    alice.delete(&path("#none:localhost")).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn an_alias_of_another_server_or_no_alias_is_refused() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let room = world.room_of(&[&alice]).await;

    for alias in ["#stage:elsewhere", "stage", "!stage:localhost"] {
        let reply = alice.put(&path(alias), json!({ "room_id": room })).await;
        assert_eq!(reply.status, 400, "{alias}: {}", reply.body);
    }
}

#[tokio::test]
async fn a_canonical_alias_must_lead_to_the_room() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let (room, other) = (world.room_of(&[&alice]).await, world.room_of(&[&alice]).await);
    alice.put(&path(STAGE), json!({ "room_id": room })).await.ok();
    alice.put(&path("#other:localhost"), json!({ "room_id": other })).await.ok();
    let set = async |content| alice.sets_state(&room, "m.room.canonical_alias", "", content).await;

    set(json!({ "alias": STAGE, "alt_aliases": [STAGE] })).await.ok();
    for wrong in ["#other:localhost", "#none:localhost"] {
        set(json!({ "alias": wrong })).await.refused(400, "M_BAD_ALIAS");
        set(json!({ "alias": STAGE, "alt_aliases": [wrong] })).await.refused(400, "M_BAD_ALIAS");
    }
    set(json!({ "alias": "no alias" })).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn the_directory_lists_what_is_public() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let options =
        json!({ "visibility": "public", "name": "Stage", "topic": "plays", "room_alias_name": "stage" });
    let room = alice.creates_room(options).await;
    alice.creates_room(json!({ "name": "Cellar" })).await;
    bob.joins(&room).await;

    let listed = world.request("GET", "/_matrix/client/v3/publicRooms", None).await.ok();

    let chunk = listed["chunk"].as_array().expect("a list");
    assert_eq!(chunk.len(), 1, "{listed}");
    assert_eq!(chunk[0]["room_id"], json!(room));
    assert_eq!((&chunk[0]["name"], &chunk[0]["topic"]), (&json!("Stage"), &json!("plays")));
    assert_eq!((&chunk[0]["canonical_alias"], &chunk[0]["num_joined_members"]), (&json!(STAGE), &json!(2)));
    assert_eq!((&chunk[0]["world_readable"], &chunk[0]["guest_can_join"]), (&json!(false), &json!(false)));
    assert_eq!(chunk[0]["join_rule"], "public");
}

#[tokio::test]
async fn visibility_in_the_directory_is_set_by_the_powerful() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&alice, &bob]).await;
    let path = format!("/v3/directory/list/room/{}", segment(&room));

    assert_eq!(bob.get(&path).await.ok(), json!({ "visibility": "private" }));
    bob.put(&path, json!({ "visibility": "public" })).await.refused(403, "M_FORBIDDEN");
    alice.put(&path, json!({ "visibility": "public" })).await.ok();
    assert_eq!(bob.get(&path).await.ok(), json!({ "visibility": "public" }));
    bob.get("/v3/directory/list/room/%21none%3Alocalhost").await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn the_directory_is_searched_and_paged() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    for name in ["Opera", "Operetta", "Puppets"] {
        alice.creates_room(json!({ "visibility": "public", "name": name })).await;
    }

    let search = json!({ "filter": { "generic_search_term": "oper" } });
    let found = alice.post("/v3/publicRooms", search).await.ok();
    assert_eq!(found["chunk"].as_array().map(Vec::len), Some(2), "{found}");

    let (mut seen, mut since) = (Vec::new(), json!(null));
    loop {
        let mut wish = json!({ "limit": 1 });
        if !since.is_null() {
            wish["since"] = since;
        }
        let page = alice.post("/v3/publicRooms", wish).await.ok();
        seen.extend(page["chunk"].as_array().expect("a list").iter().map(|r| r["name"].to_string()));
        since = page["next_batch"].clone();
        if since.is_null() {
            break;
        }
    }
    seen.sort();
    assert_eq!(seen, ["\"Opera\"", "\"Operetta\"", "\"Puppets\""]);
}
