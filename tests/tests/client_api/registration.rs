//! How accounts come to be.

use playhouse_tests::{Setup, User, World, json};

const REGISTER: &str = "/_matrix/client/v3/register";

#[tokio::test]
async fn registration_asks_for_the_dummy_stage_first() {
    let world = World::start().await;
    let wish = json!({ "username": "alice", "password": "a password" });

    let asked = world.request("POST", REGISTER, wish).await;

    assert_eq!(asked.status, 401);
    assert_eq!(asked.body["flows"][0]["stages"], json!(["m.login.dummy"]));
    let auth = json!({ "type": "m.login.dummy", "session": asked.body["session"] });
    let done = json!({ "username": "alice", "password": "a password", "auth": auth });
    let answer = world.request("POST", REGISTER, done).await.ok();
    assert_eq!(answer["user_id"], "@alice:localhost");
    assert!(answer["access_token"].is_string() && answer["device_id"].is_string());
}

#[tokio::test]
async fn inhibit_login_makes_an_account_without_a_device() {
    let world = World::start().await;
    let wish = json!({
        "username": "alice", "password": "a password", "inhibit_login": true, "auth": { "type": "m.login.dummy" },
    });

    let answer = world.request("POST", REGISTER, wish).await.ok();

    assert_eq!(answer["user_id"], "@alice:localhost");
    assert!(answer["access_token"].is_null() && answer["device_id"].is_null(), "{answer}");
}

#[tokio::test]
async fn a_device_id_and_name_may_be_chosen() {
    let world = World::start().await;
    let wish = json!({
        "username": "alice", "password": "a password", "device_id": "PHONE",
        "initial_device_display_name": "my phone", "auth": { "type": "m.login.dummy" },
    });

    let answer = world.request("POST", REGISTER, wish).await.ok();

    let alice = User::from_login(world.http(), String::new(), &answer);
    assert_eq!(alice.device, "PHONE");
    assert_eq!(alice.get("/v3/devices/PHONE").await.ok()["display_name"], "my phone");
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let world = World::start().await;
    world.user("alice").await;

    let wish = json!({ "username": "alice", "password": "other", "auth": { "type": "m.login.dummy" } });
    world.request("POST", REGISTER, wish).await.refused(400, "M_USER_IN_USE");

    let available = "/_matrix/client/v3/register/available?username=";
    world.request("GET", &format!("{available}alice"), None).await.refused(400, "M_USER_IN_USE");
    assert_eq!(world.request("GET", &format!("{available}bob"), None).await.ok()["available"], true);
}

#[tokio::test]
async fn names_outside_the_grammar_are_refused() {
    let world = World::start().await;

    for name in ["user name", "al/../ice!", "ünal", "a:b", "@alice", "x\u{0}y", ""] {
        let auth = json!({ "type": "m.login.dummy" });
        let wish = json!({ "username": name, "password": "a password", "auth": auth });
        let reply = world.request("POST", REGISTER, wish).await;
        reply.refused(400, "M_INVALID_USERNAME");
    }
    let long = "a".repeat(250);
    let wish = json!({ "username": long, "password": "a password", "auth": { "type": "m.login.dummy" } });
    world.request("POST", REGISTER, wish).await.refused(400, "M_INVALID_USERNAME");
}

#[tokio::test]
async fn names_are_registered_in_lower_case() {
    let world = World::start().await;
    let wish = json!({ "username": "Alice", "password": "a password", "auth": { "type": "m.login.dummy" } });

    let answer = world.request("POST", REGISTER, wish).await.ok();

    assert_eq!(answer["user_id"], "@alice:localhost");
}

#[tokio::test]
async fn closed_registration_refuses() {
    let world = World::with(Setup::default().set("registration.open", false)).await;

    let wish = json!({ "username": "alice", "password": "a password", "auth": { "type": "m.login.dummy" } });
    world.request("POST", REGISTER, wish).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn a_registration_token_opens_a_closed_door() {
    let setup =
        Setup::default().set("registration.open", false).set("registration.tokens", vec!["open-sesame"]);
    let world = World::with(setup).await;
    let wish = json!({ "username": "alice", "password": "a password" });
    let asked = world.request("POST", REGISTER, wish).await;
    assert_eq!(
        (asked.status, &asked.body["flows"][0]["stages"][0]),
        (401, &json!("m.login.registration_token"))
    );

    let with_token = |token: &str| {
        let auth =
            json!({ "type": "m.login.registration_token", "token": token, "session": asked.body["session"] });
        json!({ "username": "alice", "password": "a password", "auth": auth })
    };
    world.request("POST", REGISTER, with_token("open-barley")).await.refused(401, "M_UNAUTHORIZED");
    world.request("POST", REGISTER, with_token("open-sesame")).await.ok();

    let validity = "/_matrix/client/v1/register/m.login.registration_token/validity?token=";
    for (token, valid) in [("open-sesame", true), ("other", false)] {
        let answer = world.request("GET", &format!("{validity}{token}"), None).await.ok();
        assert_eq!(answer["valid"], valid);
    }
}

#[tokio::test]
async fn a_shared_secret_registers_with_a_fresh_nonce() {
    let world = World::start().await;
    let path = "/_synapse/admin/v1/register";

    let nonce = world.request("GET", path, None).await.ok()["nonce"].clone();
    let wish = json!({
        "nonce": nonce, "username": "alice", "password": "a password", "admin": true, "mac": "0".repeat(40),
    });

    let forged = world.request("POST", path, wish).await;
    assert_eq!(forged.status, 403, "{}", forged.body);
}

#[tokio::test]
async fn the_session_of_one_request_does_not_serve_another() {
    let world = World::start().await;
    let asked =
        world.request("POST", REGISTER, json!({ "username": "alice", "password": "a password" })).await;
    let alice = world.user("carol").await;

    let auth = json!({ "type": "m.login.dummy", "session": asked.body["session"] });
    let reply = alice.post("/v3/delete_devices", json!({ "devices": [alice.device], "auth": auth })).await;

    assert!(matches!(reply.status, 400 | 401 | 403), "{} {}", reply.status, reply.body);
    alice.get("/v3/account/whoami").await.ok();
}
