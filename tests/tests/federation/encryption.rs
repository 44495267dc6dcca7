//! Keys of devices and users across servers.

use playhouse_tests::{Authority, Stranger, TestKey, User, encryption::one_time_keys, json, segment};

use crate::{joins::joins_via, server, traffic::Shared};

async fn hears_of_changed_keys(listener: &User, of: &str) {
    listener.syncs_until(|sync| sync.device_list_changed(of)).await;
}

#[tokio::test]
async fn keys_of_a_user_on_another_server_are_told_and_remembered() {
    let Shared { beta, alice, bob, .. } = &mut Shared::start().await;
    bob.uploads_keys(json!({ "device_keys": bob.device_keys() })).await;
    hears_of_changed_keys(alice, &bob.id).await;

    let told = alice.queries_keys(&bob.id).await;
    beta.kill_minus_nine();
    let remembered = alice.queries_keys(&bob.id).await;

    assert_eq!(told["device_keys"][&bob.id][&bob.device]["keys"], bob.device_keys()["keys"]);
    assert_eq!(told["failures"], json!({}));
    assert_eq!(told, remembered);
}

#[tokio::test]
async fn a_device_that_comes_or_goes_is_heard_of_on_the_other_server() {
    let Shared { alice, bob, .. } = &Shared::start().await;
    bob.uploads_keys(json!({ "device_keys": bob.device_keys() })).await;
    hears_of_changed_keys(alice, &bob.id).await;
    alice.queries_keys(&bob.id).await;

    let laptop = bob.logs_in().await;
    laptop.uploads_keys(json!({ "device_keys": laptop.device_keys() })).await;
    hears_of_changed_keys(alice, &bob.id).await;
    let with_laptop = alice.queries_keys(&bob.id).await["device_keys"][&bob.id].clone();
    laptop.post("/v3/logout", json!({})).await.ok();
    hears_of_changed_keys(alice, &bob.id).await;
    let without = alice.queries_keys(&bob.id).await["device_keys"][&bob.id].clone();

    assert!(with_laptop[&bob.device].is_object() && with_laptop[&laptop.device].is_object());
    assert!(without[&bob.device].is_object() && without[&laptop.device].is_null(), "{without}");
}

#[tokio::test]
async fn cross_signing_keys_and_their_signatures_reach_the_other_server() {
    let Shared { alice, bob, .. } = &Shared::start().await;
    let (master, own) = (TestKey::new(2), TestKey::new(3));
    let self_signing = master.sign(bob.cross_signing_key("self_signing", &own), &bob.id, &master.public());
    let keys =
        json!({ "master_key": bob.cross_signing_key("master", &master), "self_signing_key": self_signing });

    bob.post("/v3/keys/device_signing/upload", keys.clone()).await.ok();
    hears_of_changed_keys(alice, &bob.id).await;
    let told = alice.queries_keys(&bob.id).await;
    assert_eq!(told["master_keys"][&bob.id]["keys"], keys["master_key"]["keys"]);
    assert_eq!(told["self_signing_keys"][&bob.id]["keys"], keys["self_signing_key"]["keys"]);

    bob.uploads_keys(json!({ "device_keys": bob.device_keys() })).await;
    let signed = own.sign(bob.device_keys(), &bob.id, &own.public());
    let upload = json!({ &bob.id: { &bob.device: signed } });
    bob.post("/v3/keys/signatures/upload", upload).await.ok();
    let key_id = format!("ed25519:{}", own.public());
    for round in 0.. {
        let told = alice.queries_keys(&bob.id).await;
        if told["device_keys"][&bob.id][&bob.device]["signatures"][&bob.id][&key_id].is_string() {
            break;
        }
        assert!(round < 5, "the signature never came: {told}");
        hears_of_changed_keys(alice, &bob.id).await;
    }
}

#[tokio::test]
async fn a_one_time_key_is_claimed_once_by_whichever_server() {
    let Shared { alice, bob, .. } = &Shared::start().await;
    bob.uploads_keys(json!({ "device_keys": bob.device_keys(), "one_time_keys": one_time_keys(0..2) })).await;

    let (first, second) = (alice.claims_key(bob).await, alice.claims_key(bob).await);
    let third = alice.claims_key(bob).await;

    assert!(first.is_object() && second.is_object() && first != second, "{first} {second}");
    assert!(third.is_null(), "{third}");
}

#[tokio::test]
async fn changes_are_heard_of_by_a_server_that_was_away() {
    let mut shared = Shared::start().await;
    shared.bob.uploads_keys(json!({ "device_keys": shared.bob.device_keys() })).await;
    hears_of_changed_keys(&shared.alice, &shared.bob.id).await;
    shared.alice.queries_keys(&shared.bob.id).await;

    shared.alpha.kill_minus_nine();
    let laptop = shared.bob.logs_in().await;
    laptop.uploads_keys(json!({ "device_keys": laptop.device_keys() })).await;
    shared.beta.kill_minus_nine();
    shared.beta.restart().await;
    shared.alpha.restart().await;

    hears_of_changed_keys(&shared.alice, &shared.bob.id).await;
    let told = shared.alice.queries_keys(&shared.bob.id).await;
    assert!(told["device_keys"][&shared.bob.id][&laptop.device].is_object(), "{told}");
}

#[tokio::test]
async fn users_come_and_go_in_the_device_lists_with_the_rooms_shared_with_another_server() {
    let Shared { alice, bob, room, .. } = &Shared::start().await;
    alice.syncs().await;

    bob.leaves(room).await;

    alice.syncs_until(|sync| sync.0["device_lists"]["left"] == json!([bob.id])).await;
}

#[tokio::test]
async fn a_server_that_is_away_is_told_among_the_failures() {
    let Shared { beta, alice, bob, .. } = &mut Shared::start().await;
    let server = bob.id.split_once(':').expect("a user id").1.to_owned();
    beta.kill_minus_nine();

    let queried = alice.queries_keys(&bob.id).await;
    let wish = json!({ "one_time_keys": { &bob.id: { "PHONE": "signed_curve25519" } }, "timeout": 1000 });
    let claimed = alice.post("/v3/keys/claim", wish).await.ok();

    for answer in [queried, claimed] {
        assert!(answer["failures"][&server]["errcode"].is_string(), "{answer}");
    }
}

#[tokio::test]
async fn devices_of_a_user_are_told_to_servers_and_their_names_are_not() {
    let authority = Authority::new();
    let (alpha, name) = server(&authority, "localhost").await;
    let stranger = Stranger::start(&authority).await;
    let alice = alpha.user("alice").await;
    let path = format!("/v3/devices/{}", alice.device);
    alice.put(&path, json!({ "display_name": "alice's own phone" })).await.ok();
    alice.uploads_keys(json!({ "device_keys": alice.device_keys() })).await;

    let target = format!("/_matrix/federation/v1/user/devices/{}", segment(&alice.id));
    let devices = stranger.asks(&alpha, &name, &target).await.ok();
    let query = json!({ "device_keys": { &alice.id: [] } });
    let target = "/_matrix/federation/v1/user/keys/query";
    let keys = stranger.sends(&alpha, &name, "POST", target, &query).await.ok();

    assert_eq!(devices["devices"][0]["device_id"], alice.device.as_str());
    assert!(devices["stream_id"].as_i64().is_some_and(|id| id > 0 && id < 1 << 53), "{devices}");
    assert_eq!(devices["devices"][0]["keys"]["keys"], alice.device_keys()["keys"]);
    assert_eq!(keys["device_keys"][&alice.id][&alice.device]["keys"], alice.device_keys()["keys"]);
    assert!(!format!("{devices}{keys}").contains("own phone"));
    let query = json!({ "device_keys": { "@bob:elsewhere.example": [] } });
    let refused = stranger.sends(&alpha, &name, "POST", target, &query).await;
    assert_eq!(refused.status, 400, "{}", refused.body);
}

#[tokio::test]
async fn nobody_tells_of_changed_keys_of_another_servers_users() {
    let authority = Authority::new();
    let (alpha, name) = server(&authority, "localhost").await;
    let (beta, _) = server(&authority, "127.0.0.1").await;
    let stranger = Stranger::start(&authority).await;
    let (alice, bob) = (alpha.user("alice").await, beta.user("bob").await);
    let room = alice.creates_room(json!({ "preset": "public_chat" })).await;
    joins_via(&bob, &room, &name).await.ok();
    alice.syncs().await;
    bob.uploads_keys(json!({ "device_keys": bob.device_keys() })).await;
    hears_of_changed_keys(&alice, &bob.id).await;

    let lie = json!({ "user_id": bob.id, "device_id": "X", "stream_id": 1, "prev_id": [], "deleted": true });
    let transaction = json!({
        "origin": stranger.name, "origin_server_ts": 1, "pdus": [],
        "edus": [{ "edu_type": "m.device_list_update", "content": lie }],
    });
    stranger.sends(&alpha, &name, "PUT", "/_matrix/federation/v1/send/1", &transaction).await.ok();
    bob.sends(&room, "a sign").await;

    let mut told = false;
    alice
        .syncs_until(|sync| {
            told |= sync.device_list_changed(&bob.id);
            sync.has_message(&room, "a sign")
        })
        .await;
    assert!(!told);
}
