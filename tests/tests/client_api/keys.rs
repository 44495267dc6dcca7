//! Device keys, one-time keys, fallback keys, cross-signing, and who is told of changes.

use playhouse_tests::{
    Sync, TestKey, World,
    encryption::{CURVE_KEY, one_time_keys},
    json,
};

#[tokio::test]
async fn device_keys_are_uploaded_and_queried() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let path = format!("/v3/devices/{}", alice.device);
    alice.put(&path, json!({ "display_name": "phone" })).await.ok();

    alice.uploads_keys(json!({ "device_keys": alice.device_keys() })).await;

    let found = bob.post("/v3/keys/query", json!({ "device_keys": { &alice.id: [] } })).await.ok();
    let keys = &found["device_keys"][&alice.id][&alice.device];
    assert_eq!(keys["keys"], alice.device_keys()["keys"]);
    assert_eq!(keys["unsigned"]["device_display_name"], "phone");
    let none = json!({ "device_keys": { &alice.id: ["NOWHERE"] } });
    let found = bob.post("/v3/keys/query", none).await.ok();
    let devices = found["device_keys"][&alice.id].as_object();
    assert!(devices.is_none_or(serde_json::Map::is_empty), "{found}");
}

#[tokio::test]
async fn nobody_uploads_keys_for_another_device() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);

    let reply = bob.post("/v3/keys/upload", json!({ "device_keys": alice.device_keys() })).await;
    assert_eq!(reply.status, 400, "{}", reply.body);
}

#[tokio::test]
async fn one_time_keys_are_counted_and_claimed_once_in_upload_order() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let answer = alice.uploads_keys(json!({ "one_time_keys": one_time_keys(0..3) })).await;
    assert_eq!(answer["one_time_key_counts"]["signed_curve25519"], 3);

    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(bob.claims_key(&alice).await["signed_curve25519:AAA000"].is_object());
    }

    assert_eq!(seen, [true, false, false], "each key goes to one claim, the first uploaded first");
    let nothing = bob.claims_key(&alice).await;
    assert!(nothing.as_object().is_none_or(serde_json::Map::is_empty), "{nothing}");
    let counts = alice.syncs().await.0["device_one_time_keys_count"].clone();
    assert_eq!(counts["signed_curve25519"], 0, "{counts}");
}

#[tokio::test]
async fn twenty_who_claim_at_once_get_twenty_keys() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    alice.uploads_keys(json!({ "one_time_keys": one_time_keys(0..20) })).await;

    let all = (0..20).map(|_| {
        let (alice, bob) = (alice.clone(), bob.clone());
        tokio::spawn(async move {
            bob.claims_key(&alice).await.as_object().expect("a key").keys().next().cloned()
        })
    });
    let mut got = Vec::new();
    for claim in all.collect::<Vec<_>>() {
        got.push(claim.await.expect("no panic").expect("a key"));
    }

    got.sort();
    got.dedup();
    assert_eq!(got.len(), 20);
}

#[tokio::test]
async fn the_same_key_again_is_fine_and_another_under_its_name_is_not() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    alice.uploads_keys(json!({ "one_time_keys": one_time_keys(0..1) })).await;

    let again = alice.uploads_keys(json!({ "one_time_keys": one_time_keys(0..1) })).await;
    assert_eq!(again["one_time_key_counts"]["signed_curve25519"], 1);
    let other =
        json!({ "one_time_keys": { "signed_curve25519:AAA000": { "key": CURVE_KEY, "signatures": {} } } });
    let reply = alice.post("/v3/keys/upload", other).await;
    assert_eq!(reply.status, 400, "{}", reply.body);
}

#[tokio::test]
async fn a_fallback_key_serves_when_the_others_are_used_up() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let fallback =
        json!({ "signed_curve25519:FALL": { "key": CURVE_KEY, "fallback": true, "signatures": {} } });
    alice.uploads_keys(json!({ "one_time_keys": one_time_keys(0..1), "fallback_keys": fallback })).await;
    let unused = async || alice.syncs().await.0["device_unused_fallback_key_types"].clone();
    assert_eq!(unused().await, json!(["signed_curve25519"]));

    assert!(bob.claims_key(&alice).await["signed_curve25519:AAA000"].is_object());
    for _ in 0..2 {
        assert_eq!(bob.claims_key(&alice).await["signed_curve25519:FALL"]["key"], CURVE_KEY);
    }

    assert_eq!(unused().await, json!([]));
}

#[tokio::test]
async fn a_new_device_is_told_to_who_shares_a_room_and_to_no_one_else() {
    let world = World::start().await;
    let (alice, bob, carol) = (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    world.room_of(&[&alice, &bob]).await;
    bob.syncs().await;
    carol.syncs().await;
    let from = bob.since().expect("a token");

    alice.uploads_keys(json!({ "device_keys": alice.device_keys() })).await;

    let sync = bob.syncs_until(|sync| sync.device_list_changed(&alice.id)).await;
    assert!(!carol.syncs().await.device_list_changed(&alice.id));
    let query = format!("/v3/keys/changes?from={from}&to={}", sync.next_batch());
    assert_eq!(bob.get(&query).await.ok()["changed"], json!([alice.id]));
}

#[tokio::test]
async fn users_come_and_go_in_the_device_lists_with_shared_rooms() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&bob]).await;
    bob.syncs().await;

    alice.joins(&room).await;
    bob.syncs_until(|sync| sync.device_list_changed(&alice.id)).await;
    alice.leaves(&room).await;
    bob.syncs_until(|sync| sync.0["device_lists"]["left"] == json!([alice.id])).await;
}

#[tokio::test]
async fn a_logged_out_device_takes_its_keys_along() {
    let world = World::start().await;
    let (phone, bob) = (world.user("alice").await, world.user("bob").await);
    let laptop = phone.logs_in().await;
    laptop.uploads_keys(json!({ "device_keys": laptop.device_keys() })).await;

    laptop.post("/v3/logout", json!({})).await.ok();

    let found = bob.post("/v3/keys/query", json!({ "device_keys": { &phone.id: [] } })).await.ok();
    assert!(found["device_keys"][&phone.id][&laptop.device].is_null(), "{found}");
}

const UPLOAD: &str = "/v3/keys/device_signing/upload";

#[tokio::test]
async fn the_first_cross_signing_keys_need_no_password_and_the_next_do() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let with = |number| json!({ "master_key": alice.cross_signing_key("master", &TestKey::new(number)) });

    alice.post(UPLOAD, with(2)).await.ok();
    alice.post(UPLOAD, with(2)).await.ok();
    let asked = alice.post(UPLOAD, with(3)).await;
    assert_eq!(asked.status, 401);

    let query = json!({ "device_keys": { &alice.id: [] } });
    let master =
        async || bob.post("/v3/keys/query", query.clone()).await.ok()["master_keys"][&alice.id].clone();
    assert_eq!(master().await["keys"], with(2)["master_key"]["keys"]);
    let mut wish = with(3);
    wish["auth"] = alice.password_auth(&asked.body["session"]);
    alice.post(UPLOAD, wish).await.ok();
    assert_eq!(master().await["keys"], with(3)["master_key"]["keys"]);
}

#[tokio::test]
async fn a_key_signed_by_its_master_is_taken_and_shown_to_whom_it_may_be() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let (master, own, users) = (TestKey::new(2), TestKey::new(3), TestKey::new(4));
    let by_master =
        |usage, key| master.sign(alice.cross_signing_key(usage, key), &alice.id, &master.public());

    let whole = json!({
        "master_key": alice.cross_signing_key("master", &master),
        "self_signing_key": by_master("self_signing", &own),
        "user_signing_key": by_master("user_signing", &users),
    });
    alice.post(UPLOAD, whole).await.ok();

    let query = json!({ "device_keys": { &alice.id: [] } });
    let seen = bob.post("/v3/keys/query", query.clone()).await.ok();
    assert_eq!(seen["self_signing_keys"][&alice.id]["keys"], by_master("self_signing", &own)["keys"]);
    assert!(seen["user_signing_keys"][&alice.id].is_null(), "only its owner sees a user-signing key");
    let seen = alice.post("/v3/keys/query", query).await.ok();
    assert_eq!(seen["user_signing_keys"][&alice.id]["keys"], by_master("user_signing", &users)["keys"]);
}

#[tokio::test]
async fn a_key_without_its_masters_signature_or_with_a_forged_one_is_refused() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let (master, own, other) = (TestKey::new(2), TestKey::new(3), TestKey::new(4));
    let bare = alice.cross_signing_key("self_signing", &own);
    let forged = other.sign(bare.clone(), &alice.id, &master.public());

    for self_signing in [bare, forged] {
        let master_key = alice.cross_signing_key("master", &master);
        let reply =
            alice.post(UPLOAD, json!({ "master_key": master_key, "self_signing_key": self_signing })).await;
        assert_eq!(reply.status, 400, "{}", reply.body);
    }
}

#[tokio::test]
async fn a_device_signed_by_its_owner_is_told_as_such_to_all() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    world.room_of(&[&alice, &bob]).await;
    let (master, own) = (TestKey::new(2), TestKey::new(3));
    let self_signing =
        master.sign(alice.cross_signing_key("self_signing", &own), &alice.id, &master.public());
    let keys = json!({
        "master_key": alice.cross_signing_key("master", &master), "self_signing_key": self_signing,
    });
    alice.post(UPLOAD, keys).await.ok();
    alice.uploads_keys(json!({ "device_keys": alice.device_keys() })).await;
    bob.syncs().await;
    let name = format!("ed25519:{}", own.public());
    let signs = async |key: &TestKey| {
        let signed = key.sign(alice.device_keys(), &alice.id, &own.public());
        alice.post("/v3/keys/signatures/upload", json!({ &alice.id: { &alice.device: signed } })).await.ok()
    };

    let refused = signs(&TestKey::new(9)).await;
    assert_eq!(refused["failures"][&alice.id][&alice.device]["errcode"], "M_INVALID_SIGNATURE", "{refused}");
    let taken = signs(&own).await;
    assert!(taken["failures"].as_object().is_none_or(serde_json::Map::is_empty), "{taken}");

    bob.syncs_until(|sync| sync.device_list_changed(&alice.id)).await;
    let seen = bob.post("/v3/keys/query", json!({ "device_keys": { &alice.id: [] } })).await.ok();
    let signatures = &seen["device_keys"][&alice.id][&alice.device]["signatures"][&alice.id];
    assert!(signatures[&name].is_string(), "{seen}");
    assert!(signatures[format!("ed25519:{}", alice.device)].is_string(), "{seen}");
}

#[tokio::test]
async fn a_device_with_a_forged_signature_of_its_own_is_refused() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let forged = TestKey::new(9).sign(alice.device_keys(), &alice.id, &alice.device);

    let reply = alice.post("/v3/keys/upload", json!({ "device_keys": forged })).await;

    assert_eq!(reply.status, 400, "{}", reply.body);
}

#[tokio::test]
async fn key_changes_say_of_two_tokens_what_the_syncs_between_them_said() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let room = world.room_of(&[&bob]).await;
    let changes = async |from: &str, to: &str| {
        let answer = bob.get(&format!("/v3/keys/changes?from={from}&to={to}")).await.ok();
        (answer["changed"].clone(), answer["left"].clone())
    };
    let both = (json!([alice.id]), json!([]));
    let gone = |sync: &Sync| sync.0["device_lists"]["left"] == json!([alice.id]);
    let start = bob.syncs().await.next_batch().to_owned();

    alice.joins(&room).await;
    let joined = bob.syncs_until(|sync| sync.device_list_changed(&alice.id)).await.next_batch().to_owned();
    assert_eq!(changes(&start, &joined).await, both);
    alice.leaves(&room).await;
    let left = bob.syncs_until(gone).await.next_batch().to_owned();
    assert_eq!(changes(&joined, &left).await, (json!([]), json!([alice.id])));
    alice.joins(&room).await;
    let again = bob.syncs_until(|sync| sync.device_list_changed(&alice.id)).await.next_batch().to_owned();
    assert_eq!(changes(&left, &again).await, both);
    assert_eq!(changes(&again, &again).await, (json!([]), json!([])));

    bob.leaves(&room).await;
    let alone = bob.syncs_until(gone).await.next_batch().to_owned();
    assert_eq!(changes(&again, &alone).await, (json!([]), json!([alice.id])));
    bob.joins(&room).await;
    let back = bob.syncs_until(|sync| sync.device_list_changed(&alice.id)).await.next_batch().to_owned();
    let (changed, left) = changes(&alone, &back).await;
    assert!(changed.as_array().is_some_and(|changed| changed.contains(&json!(alice.id))));
    assert_eq!(left, json!([]));

    for (from, to) in [("x", start.as_str()), (start.as_str(), "s"), ("", "")] {
        let reply = bob.get(&format!("/v3/keys/changes?from={from}&to={to}")).await;
        reply.refused(400, "M_INVALID_PARAM");
    }
}
