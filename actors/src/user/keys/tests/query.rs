use playhouse_storage::backends::Adversity;
use ruma::owned_user_id;

use super::*;

fn parsed(keys: &serde_json::value::RawValue) -> Value {
    serde_json::from_str(keys.get()).unwrap()
}

#[tokio::test]
async fn device_keys_come_as_uploaded_with_the_name_of_the_device() {
    let world = World::new().await;
    let (alice, bob) = alice_and_bob(&world).await;
    let mut keys = phone_keys(&alice, 1);
    keys["unsigned"] = json!({ "device_display_name": "a lie" });
    upload(&world, &alice, Some(&keys), Vec::new(), Vec::new()).await.unwrap();

    let world = world.killed_and_started(Adversity::none()).await;
    let found = query(&world, &bob, &[&alice]).await;

    keys["unsigned"] = json!({ "device_display_name": "alice's PHONE" });
    assert_eq!(parsed(&found.devices[&alice]["PHONE"]), keys);
}

#[tokio::test]
async fn unknown_users_are_left_out_and_those_of_other_servers_fail() {
    let world = World::new().await;
    let (alice, bob) = alice_and_bob(&world).await;
    let (nobody, remote) = (owned_user_id!("@nobody:test"), owned_user_id!("@alice:elsewhere"));

    let found = query(&world, &bob, &[&alice, &nobody, &remote]).await;

    assert!(found.devices[&alice].is_empty());
    assert_eq!(found.devices.len(), 1);
    assert_eq!(found.unreachable, ["elsewhere".try_into().unwrap()].into());
}

#[tokio::test]
async fn only_the_owner_sees_the_user_signing_key() {
    let world = World::new().await;
    let (alice, bob) = alice_and_bob(&world).await;
    let keys = [1, 2, 3].map(SigningKey::new);
    cross_signing::publish(&world, &alice, &keys[0], &keys[1], &keys[2]).await;

    let own = query(&world, &alice, &[&alice]).await;
    let others = query(&world, &bob, &[&alice]).await;

    assert!(own.user_signing.contains_key(&alice) && others.user_signing.is_empty());
    for found in [own, others] {
        assert!(found.master.contains_key(&alice) && found.self_signing.contains_key(&alice));
    }
}

#[tokio::test]
async fn signatures_that_others_made_come_only_from_their_makers() {
    let world = World::new().await;
    let (alice, bob) = alice_and_bob(&world).await;
    let mut keys = phone_keys(&alice, 1);
    keys["signatures"]["@carol:test"] = json!({ "ed25519:X": "AAAA" });
    upload(&world, &alice, Some(&keys), Vec::new(), Vec::new()).await.unwrap();

    assert!(!query(&world, &bob, &[&alice]).await.devices[&alice]["PHONE"].get().contains("carol"));
}

#[tokio::test]
async fn only_the_devices_asked_for_are_told() {
    let world = World::new().await;
    let (alice, bob) = alice_and_bob(&world).await;
    upload(&world, &alice, Some(&phone_keys(&alice, 1)), Vec::new(), Vec::new()).await.unwrap();

    for (device, found) in [("PHONE", 1), ("LAPTOP", 0)] {
        let users = [(alice.clone(), vec![device.into()])].into();
        let keys = query_keys(&world.node, &bob, users, Duration::from_secs(1)).await.unwrap();
        assert_eq!(keys.devices[&alice].len(), found);
    }
}
