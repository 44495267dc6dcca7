use playhouse_storage::backends::Adversity;

use super::*;
use crate::user::keys::stock::MOST_KEYS;

#[tokio::test]
async fn the_same_upload_again_changes_nothing() {
    let world = World::new().await;
    let (alice, bob) = alice_and_bob(&world).await;
    let keys = phone_keys(&alice, 1);
    assert_eq!(upload(&world, &alice, Some(&keys), one_time_keys(0..3), Vec::new()).await.unwrap(), 3);
    let since = world.now();

    assert_eq!(upload(&world, &alice, Some(&keys), one_time_keys(1..4), Vec::new()).await.unwrap(), 4);

    assert_eq!(world.counts(&alice, "PHONE").await.one_time["signed_curve25519"], 4);
    assert!(world.changed_for(&bob, since).await.is_empty());
}

#[tokio::test]
async fn another_key_under_a_taken_id_is_refused_and_nothing_of_its_upload_stays() {
    let world = World::new().await;
    let (alice, _) = alice_and_bob(&world).await;
    upload(&world, &alice, None, one_time_keys([1]), Vec::new()).await.unwrap();
    let mut keys = one_time_keys([2]);
    keys.push(("signed_curve25519:1".into(), raw(&one_time_key(9))));

    let refusal = upload(&world, &alice, Some(&phone_keys(&alice, 1)), keys, Vec::new()).await;

    assert!(matches!(refusal, Err(UserError::Invalid(_))));
    assert_eq!(world.counts(&alice, "PHONE").await.one_time["signed_curve25519"], 1);
    assert!(query(&world, &alice, &[&alice]).await.devices[&alice].is_empty());
}

#[tokio::test]
async fn a_key_that_was_handed_out_does_not_come_back_with_a_repeated_upload() {
    let world = World::new().await;
    let (alice, _) = alice_and_bob(&world).await;
    upload(&world, &alice, None, one_time_keys(0..2), Vec::new()).await.unwrap();
    let first = claim(&world, &alice).await.unwrap();

    let world = world.killed_and_started(Adversity::none()).await;
    assert_eq!(upload(&world, &alice, None, one_time_keys(0..2), Vec::new()).await.unwrap(), 1);

    assert_ne!(claim(&world, &alice).await.unwrap().name, first.name);
    assert!(claim(&world, &alice).await.is_none());
}

#[tokio::test]
async fn a_new_key_may_have_the_id_of_one_that_was_handed_out() {
    let world = World::new().await;
    let (alice, _) = alice_and_bob(&world).await;
    upload(&world, &alice, None, one_time_keys([1]), Vec::new()).await.unwrap();
    claim(&world, &alice).await.unwrap();

    let new = vec![("signed_curve25519:1".to_owned(), raw(&one_time_key(9)))];
    assert_eq!(upload(&world, &alice, None, new, Vec::new()).await.unwrap(), 1);
}

#[tokio::test]
async fn the_stock_of_a_device_is_bounded() {
    let world = World::new().await;
    let (alice, _) = alice_and_bob(&world).await;
    upload(&world, &alice, None, one_time_keys(0..MOST_KEYS), Vec::new()).await.unwrap();

    let refusal = upload(&world, &alice, None, one_time_keys([MOST_KEYS]), Vec::new()).await;

    assert!(matches!(refusal, Err(UserError::TooLarge(_))));
    assert_eq!(upload(&world, &alice, None, Vec::new(), Vec::new()).await.unwrap(), MOST_KEYS as u64);
}

#[tokio::test]
async fn a_device_that_is_gone_uploads_nothing() {
    let world = World::new().await;
    let alice = world.user("alice", &["LAPTOP"]).await;

    let refusal = upload(&world, &alice, None, one_time_keys([1]), Vec::new()).await;

    assert!(matches!(refusal, Err(UserError::NotFound(_))));
}

#[tokio::test]
async fn new_identity_keys_are_announced_and_cast_old_signatures_off() {
    let world = World::new().await;
    let (alice, bob) = alice_and_bob(&world).await;
    let since = world.now();
    upload(&world, &alice, Some(&phone_keys(&alice, 1)), Vec::new(), Vec::new()).await.unwrap();
    assert_eq!(world.changed_for(&bob, since).await, [alice.clone()].into());
    let (master, own) = (SigningKey::new(2), SigningKey::new(3));
    cross_signing::publish(&world, &alice, &master, &own, &SigningKey::new(4)).await;
    let mut signed = phone_keys(&alice, 1);
    own.sign(&mut signed, alice.as_str(), &own.public());
    signatures::sign(&world, &alice, &alice, "PHONE", &signed).await;
    let published = query(&world, &bob, &[&alice]).await;
    assert!(published.devices[&alice]["PHONE"].get().contains(&own.public()));

    upload(&world, &alice, Some(&phone_keys(&alice, 9)), Vec::new(), Vec::new()).await.unwrap();

    let published = query(&world, &bob, &[&alice]).await;
    assert!(!published.devices[&alice]["PHONE"].get().contains(&own.public()));
}

#[tokio::test]
async fn everything_of_a_removed_device_goes_with_it() {
    let world = World::new().await;
    let (alice, bob) = alice_and_bob(&world).await;
    let fallback = one_time_keys([7]);
    upload(&world, &alice, Some(&phone_keys(&alice, 1)), one_time_keys(0..3), fallback).await.unwrap();
    let since = world.now();

    world.stream(&alice).remove_devices(vec!["PHONE".into()]).await.unwrap();

    assert_eq!(world.changed_for(&bob, since).await, [alice.clone()].into());
    assert!(claim(&world, &alice).await.is_none());
    assert!(query(&world, &bob, &[&alice]).await.devices[&alice].is_empty());
    assert_eq!(world.counts(&alice, "PHONE").await, crate::user::data::KeyCounts::default());
    // The same device id may come again, with the same keys even.
    let again = one_time_keys(0..2);
    assert_eq!(upload(&world, &alice, Some(&phone_keys(&alice, 1)), again, Vec::new()).await.unwrap(), 2);
}
