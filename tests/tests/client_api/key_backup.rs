//! The backup of room keys: versions, keys in three depths, and the better key wins.

use playhouse_tests::{User, Value, World, json, segment};

async fn makes_version(user: &User) -> String {
    let wish = json!({ "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": { "public_key": "abc" } });
    let answer = user.post("/v3/room_keys/version", wish).await.ok();
    answer["version"].as_str().expect("a version").to_owned()
}

fn key(index: u64, forwarded: u64, verified: bool) -> Value {
    json!({
        "first_message_index": index, "forwarded_count": forwarded, "is_verified": verified,
        "session_data": { "ciphertext": format!("{index} {forwarded} {verified}") },
    })
}

const ROOM: &str = "!room:localhost";

fn path(session: &str, version: &str) -> String {
    let room = if session.is_empty() { String::new() } else { format!("/{}/{session}", segment(ROOM)) };
    format!("/v3/room_keys/keys{room}?version={version}")
}

#[tokio::test]
async fn versions_are_made_read_changed_and_deleted() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    alice.get("/v3/room_keys/version").await.refused(404, "M_NOT_FOUND");

    let first = makes_version(&alice).await;
    let second = makes_version(&alice).await;

    assert_ne!(first, second);
    let current = alice.get("/v3/room_keys/version").await.ok();
    assert_eq!((&current["version"], &current["count"]), (&json!(second), &json!(0)));
    assert!(current["etag"].is_string());
    let mut changed = current.clone();
    changed["auth_data"] = json!({ "public_key": "def" });
    let one = format!("/v3/room_keys/version/{second}");
    alice.put(&one, changed.clone()).await.ok();
    assert_eq!(alice.get(&one).await.ok()["auth_data"], json!({ "public_key": "def" }));
    changed["algorithm"] = json!("another");
    alice.put(&one, changed).await.refused(400, "M_INVALID_PARAM");
    alice.delete(&one).await.ok();
    alice.get(&one).await.refused(404, "M_NOT_FOUND");
    assert_eq!(alice.get("/v3/room_keys/version").await.ok()["version"], json!(first));
}

#[tokio::test]
async fn keys_are_kept_and_read_at_every_depth() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let version = makes_version(&alice).await;
    let all =
        json!({ "rooms": { ROOM: { "sessions": { "one": key(0, 0, true), "two": key(1, 0, true) } } } });

    let put = alice.put(&path("", &version), all.clone()).await.ok();

    assert_eq!(put["count"], 2);
    assert_eq!(alice.get(&path("", &version)).await.ok(), all);
    let room = format!("/v3/room_keys/keys/{}?version={version}", segment(ROOM));
    assert_eq!(alice.get(&room).await.ok(), all["rooms"][ROOM]);
    assert_eq!(alice.get(&path("one", &version)).await.ok(), key(0, 0, true));
    alice.get(&path("three", &version)).await.refused(404, "M_NOT_FOUND");
    assert_eq!(alice.delete(&path("one", &version)).await.ok()["count"], 1);
    assert_eq!(alice.delete(&room).await.ok()["count"], 0);
    assert_eq!(alice.get(&path("", &version)).await.ok(), json!({ "rooms": {} }));
}

#[tokio::test]
async fn the_better_key_stays() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let version = makes_version(&alice).await;
    let best = [key(5, 5, false), key(9, 9, true), key(4, 9, true), key(4, 3, true)];
    let worse = [key(0, 0, false), key(5, 0, true), key(4, 4, true), key(4, 3, true)];

    for better in best {
        alice.put(&path("one", &version), better.clone()).await.ok();
        assert_eq!(alice.get(&path("one", &version)).await.ok(), better);
    }
    for worse in worse {
        alice.put(&path("one", &version), worse).await.ok();
        assert_eq!(alice.get(&path("one", &version)).await.ok(), key(4, 3, true));
    }
}

#[tokio::test]
async fn only_the_current_version_takes_keys() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let old = makes_version(&alice).await;
    let current = makes_version(&alice).await;

    let refusal =
        alice.put(&path("one", &old), key(0, 0, true)).await.refused(403, "M_WRONG_ROOM_KEYS_VERSION");

    assert_eq!(refusal["current_version"], json!(current));
    alice.put(&path("one", "999"), key(0, 0, true)).await;
    alice.get(&path("one", "999")).await.refused(404, "M_NOT_FOUND");
}
