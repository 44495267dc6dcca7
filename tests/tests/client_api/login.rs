//! Tokens: how they are got, renewed and lost.

use playhouse_tests::{User, World, json};

const LOGIN: &str = "/_matrix/client/v3/login";

#[tokio::test]
async fn the_password_flow_is_offered() {
    let world = World::start().await;

    let answer = world.request("GET", LOGIN, None).await.ok();

    let flows = answer["flows"].as_array().expect("a list");
    assert!(flows.iter().any(|f| f["type"] == "m.login.password"), "{answer}");
}

#[tokio::test]
async fn a_user_logs_in_by_localpart_or_full_id() {
    let world = World::start().await;
    let alice = world.user("alice").await;

    for name in ["alice", "@alice:localhost"] {
        let wish = json!({
            "type": "m.login.password", "identifier": { "type": "m.id.user", "user": name }, "password": alice.password,
        });
        let answer = world.request("POST", LOGIN, wish).await.ok();
        assert_eq!(answer["user_id"], "@alice:localhost");
        assert_ne!(answer["device_id"], json!(alice.device));
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_look_the_same() {
    let world = World::start().await;
    world.user("alice").await;

    let mut answers = Vec::new();
    for name in ["alice", "nobody"] {
        let wish = json!({
            "type": "m.login.password", "identifier": { "type": "m.id.user", "user": name }, "password": "wrong",
        });
        answers.push(world.request("POST", LOGIN, wish).await.refused(403, "M_FORBIDDEN"));
    }

    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn an_unknown_login_type_is_refused() {
    let world = World::start().await;

    let reply = world.request("POST", LOGIN, json!({ "type": "m.login.smile" })).await;
    assert_eq!(reply.status, 400, "{}", reply.body);
}

#[tokio::test]
async fn whoami_names_user_and_device() {
    let world = World::start().await;
    let alice = world.user("alice").await;

    let answer = alice.get("/v3/account/whoami").await.ok();

    assert_eq!((&answer["user_id"], &answer["device_id"]), (&json!(alice.id), &json!(alice.device)));
    assert_ne!(answer["is_guest"], true);
}

#[tokio::test]
async fn logging_in_on_the_same_device_ends_its_older_token() {
    let world = World::start().await;
    let alice = world.user("alice").await;

    let wish = json!({
        "type": "m.login.password", "identifier": { "type": "m.id.user", "user": "alice" },
        "password": alice.password, "device_id": alice.device,
    });
    let again = world.request("POST", LOGIN, wish).await.ok();

    assert_eq!(again["device_id"], json!(alice.device));
    alice.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
}

#[tokio::test]
async fn logout_ends_this_device_alone() {
    let world = World::start().await;
    let phone = world.user("alice").await;
    let laptop = phone.logs_in().await;

    phone.post("/v3/logout", json!({})).await.ok();

    let refusal = phone.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    assert_ne!(refusal["soft_logout"], true);
    let devices = laptop.get("/v3/devices").await.ok();
    assert_eq!(devices["devices"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn logout_all_ends_every_device() {
    let world = World::start().await;
    let phone = world.user("alice").await;
    let laptop = phone.logs_in().await;

    phone.post("/v3/logout/all", json!({})).await.ok();

    for device in [&phone, &laptop] {
        device.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    }
}

#[tokio::test]
async fn a_token_in_the_query_works_as_well() {
    let world = World::start().await;
    let alice = world.user("alice").await;

    let path = format!("/_matrix/client/v3/account/whoami?access_token={}", alice.token);
    assert_eq!(world.request("GET", &path, None).await.ok()["user_id"], json!(alice.id));
}

#[tokio::test]
async fn a_made_up_token_is_unknown() {
    let world = World::start().await;

    for token in ["x", "syt_YWxpY2U_aaaa_0000", &"long".repeat(2000)] {
        let reply =
            world.http().send("GET", "/_matrix/client/v3/sync", Some(token), None).await.expect("an answer");
        reply.refused(401, "M_UNKNOWN_TOKEN");
    }
}

#[tokio::test]
async fn a_refresh_token_is_traded_for_a_new_pair() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let wish = json!({
        "type": "m.login.password", "identifier": { "type": "m.id.user", "user": "alice" },
        "password": alice.password, "refresh_token": true,
    });
    let first = world.request("POST", LOGIN, wish).await.ok();
    assert!(first["expires_in_ms"].is_u64(), "{first}");

    let wish = json!({ "refresh_token": first["refresh_token"] });
    let second = world.request("POST", "/_matrix/client/v3/refresh", wish.clone()).await.ok();

    assert_ne!(first["access_token"], second["access_token"]);
    let with = |answer: &playhouse_tests::Value| {
        let mut whole = first.clone();
        whole["access_token"] = answer["access_token"].clone();
        User::from_login(world.http(), String::new(), &whole)
    };
    with(&second).get("/v3/account/whoami").await.ok();
    world.request("POST", "/_matrix/client/v3/refresh", wish).await.refused(401, "M_UNKNOWN_TOKEN");
}

#[tokio::test]
async fn an_unknown_refresh_token_is_refused() {
    let world = World::start().await;

    let wish = json!({ "refresh_token": "made up" });
    world.request("POST", "/_matrix/client/v3/refresh", wish).await.refused(401, "M_UNKNOWN_TOKEN");
}
