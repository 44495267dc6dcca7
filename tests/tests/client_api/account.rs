//! Passwords change, accounts end; both behind user-interactive authentication.

use playhouse_tests::{User, World, json};

async fn changes_password(user: &User, extra: playhouse_tests::Value) {
    let mut wish = json!({ "new_password": "a new password" });
    wish.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
    let asked = user.post("/v3/account/password", wish.clone()).await;
    assert_eq!(asked.status, 401);
    wish["auth"] = user.password_auth(&asked.body["session"]);
    user.post("/v3/account/password", wish).await.ok();
}

fn login(password: &str) -> playhouse_tests::Value {
    json!({
        "type": "m.login.password", "identifier": { "type": "m.id.user", "user": "alice" }, "password": password,
    })
}

#[tokio::test]
async fn a_new_password_replaces_the_old_one() {
    let world = World::start().await;
    let alice = world.user("alice").await;

    changes_password(&alice, json!({})).await;

    let old = world.request("POST", "/_matrix/client/v3/login", login(&alice.password)).await;
    old.refused(403, "M_FORBIDDEN");
    world.request("POST", "/_matrix/client/v3/login", login("a new password")).await.ok();
}

#[tokio::test]
async fn a_new_password_logs_out_the_other_devices() {
    let world = World::start().await;
    let phone = world.user("alice").await;
    let laptop = phone.logs_in().await;

    changes_password(&phone, json!({})).await;

    phone.get("/v3/account/whoami").await.ok();
    laptop.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
}

#[tokio::test]
async fn a_new_password_may_leave_the_other_devices_in() {
    let world = World::start().await;
    let phone = world.user("alice").await;
    let laptop = phone.logs_in().await;

    changes_password(&phone, json!({ "logout_devices": false })).await;

    laptop.get("/v3/account/whoami").await.ok();
}

#[tokio::test]
async fn a_wrong_password_in_authentication_leaves_the_session_open() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let asked = alice.post("/v3/account/password", json!({ "new_password": "new" })).await;

    let mut auth = alice.password_auth(&asked.body["session"]);
    auth["password"] = json!("wrong");
    let refused = alice.post("/v3/account/password", json!({ "new_password": "new", "auth": auth })).await;

    assert_eq!(refused.status, 401);
    assert_eq!(refused.body["errcode"], "M_FORBIDDEN");
    assert_eq!(refused.body["session"], asked.body["session"]);
    let auth = alice.password_auth(&asked.body["session"]);
    alice.post("/v3/account/password", json!({ "new_password": "new", "auth": auth })).await.ok();
}

#[tokio::test]
async fn nobody_authenticates_for_another() {
    let world = World::start().await;
    let (alice, mallory) = (world.user("alice").await, world.user("mallory").await);
    let asked = alice.post("/v3/account/password", json!({ "new_password": "new" })).await;

    let auth = mallory.password_auth(&asked.body["session"]);
    let reply = alice.post("/v3/account/password", json!({ "new_password": "new", "auth": auth })).await;

    assert!(matches!(reply.status, 401 | 403), "{} {}", reply.status, reply.body);
}

#[tokio::test]
async fn a_deactivated_account_is_gone_for_good() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&bob, &alice]).await;
    let asked = alice.post("/v3/account/deactivate", json!({})).await;
    assert_eq!(asked.status, 401);

    let auth = alice.password_auth(&asked.body["session"]);
    alice.post("/v3/account/deactivate", json!({ "auth": auth })).await.ok();

    alice.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    let back = world.request("POST", "/_matrix/client/v3/login", login(&alice.password)).await;
    assert_eq!(back.status, 403, "{}", back.body);
    bob.syncs_until(|sync| {
        let events = sync.timeline(&room);
        events.iter().any(|e| e["state_key"] == alice.id.as_str() && e["content"]["membership"] == "leave")
    })
    .await;
    let wish = json!({ "username": "alice", "password": "again", "auth": { "type": "m.login.dummy" } });
    world.request("POST", "/_matrix/client/v3/register", wish).await.refused(400, "M_USER_IN_USE");
}

#[tokio::test]
async fn who_joins_after_an_erasure_gets_redacted_copies() {
    let world = World::start().await;
    let (alice, bob, carol) = (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let room = world.room_of(&[&bob, &alice]).await;
    alice.sends(&room, "mine").await;
    let auth = alice.password_auth(&json!(null));
    alice.post("/v3/account/deactivate", json!({ "auth": auth, "erase": true })).await.ok();

    carol.joins(&room).await;

    assert!(bob.reads_messages(&room).await.contains(&"mine".to_owned()));
    assert!(!carol.reads_messages(&room).await.contains(&"mine".to_owned()));
    let sync = carol.syncs().await;
    let timeline = sync.timeline(&room);
    let message = timeline.iter().find(|event| event["type"] == "m.room.message").unwrap();
    assert_eq!((&message["sender"], &message["content"]), (&json!(alice.id), &json!({})));
}
