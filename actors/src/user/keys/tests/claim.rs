use std::collections::BTreeSet;

use futures_util::future::join_all;
use playhouse_storage::{
    Store,
    backends::{Adversity, FjallBackend, FjallOptions},
};

use super::*;
use crate::user::testing::{add_user, start};

#[tokio::test]
async fn keys_are_handed_out_in_the_order_of_their_uploads() {
    let world = World::new().await;
    let (alice, _) = alice_and_bob(&world).await;
    for number in [5, 1, 9, 3] {
        upload(&world, &alice, None, one_time_keys([number]), Vec::new()).await.unwrap();
    }

    for number in [5, 1, 9, 3] {
        let claimed = claim(&world, &alice).await.unwrap();
        assert_eq!(claimed.name, format!("signed_curve25519:{number}"));
        assert_eq!(claimed.key.get(), raw(&one_time_key(number)).get());
    }
    assert!(claim(&world, &alice).await.is_none());
    assert!(world.counts(&alice, "PHONE").await.one_time.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_claims_at_once_get_each_key_once_on_the_embedded_store() {
    let folder = tempfile::tempdir().unwrap();
    let store =
        || Store::new(FjallBackend::open(folder.path().join("store"), FjallOptions::default()).unwrap());
    let node = start(store(), &folder).await;
    let alice = add_user(&node, "alice", &["PHONE"]).await;
    let device = ruma::device_id!("PHONE");
    for number in 0..40 {
        let keys = KeyUpload::check(&alice, device, None, one_time_keys([number]), Vec::new()).unwrap();
        node.users().handle(&alice).upload_keys(device, keys).await.unwrap();
    }
    let wanted = || vec![WantedKey { device: "PHONE".into(), algorithm: "signed_curve25519".into() }];

    let claims = (0..50).map(|_| {
        let handle = node.users().handle(&alice);
        tokio::spawn(async move { handle.claim_keys(wanted()).await.unwrap() })
    });
    let claimed: Vec<ClaimedKey> = join_all(claims).await.into_iter().flat_map(Result::unwrap).collect();

    let names: BTreeSet<&str> = claimed.iter().map(|key| key.name.as_str()).collect();
    assert_eq!((claimed.len(), names.len()), (40, 40));

    // And after a restart.
    node.shutdown(Duration::from_secs(10)).await;
    let node = start(store(), &folder).await;
    assert!(node.users().handle(&alice).claim_keys(wanted()).await.unwrap().is_empty());
    let keys = KeyUpload::check(&alice, device, None, one_time_keys(0..41), Vec::new()).unwrap();
    let counts = node.users().handle(&alice).upload_keys(device, keys).await.unwrap();
    assert_eq!(counts["signed_curve25519"], 1);
}

#[tokio::test]
async fn no_key_is_handed_out_twice_by_a_store_that_often_does_not_know() {
    let adversity = Adversity { unknown_per_mille: 300, lose_projection_per_mille: 100, ..Adversity::none() };
    let world = World::new().await;
    let (alice, _) = alice_and_bob(&world).await;
    let world = world.killed_and_started(adversity).await;
    let mut names = BTreeSet::new();
    let wanted = || vec![WantedKey { device: "PHONE".into(), algorithm: "signed_curve25519".into() }];

    for round in 0..40 {
        let keys = one_time_keys(round * 3..round * 3 + 6);
        let _ = upload(&world, &alice, None, keys, Vec::new()).await;
        for _ in 0..4 {
            for claimed in world.stream(&alice).claim_keys(wanted()).await.unwrap_or_default() {
                assert!(names.insert(claimed.name.clone()), "{} twice", claimed.name);
            }
        }
    }
    assert!(names.len() > 60);
}

#[tokio::test]
async fn a_claim_of_unknown_outcome_that_took_a_key_hands_it_out() {
    let world = World::new().await;
    let (alice, _) = alice_and_bob(&world).await;
    upload(&world, &alice, None, one_time_keys([1, 2, 3]), Vec::new()).await.unwrap();
    let always_unknown = Adversity { lose_projection_per_mille: 1_000, ..Adversity::none() };
    let world = world.killed_and_started(always_unknown).await;

    for n in 1..=3 {
        assert_eq!(claim(&world, &alice).await.unwrap().name, format!("signed_curve25519:{n}"));
    }
    assert!(claim(&world, &alice).await.is_none());

    // What was handed out is known, though the claims lost the note of it.
    upload(&world, &alice, None, one_time_keys([1, 2, 3]), Vec::new()).await.unwrap();
    assert!(claim(&world, &alice).await.is_none());
}

#[tokio::test]
async fn the_fallback_key_stands_in_when_no_other_is_left_and_counts_as_used() {
    let world = World::new().await;
    let (alice, _) = alice_and_bob(&world).await;
    upload(&world, &alice, None, one_time_keys([1]), one_time_keys([7])).await.unwrap();
    assert_eq!(world.counts(&alice, "PHONE").await.unused_fallback, ["signed_curve25519"]);

    assert_eq!(claim(&world, &alice).await.unwrap().name, "signed_curve25519:1");
    assert_eq!(world.counts(&alice, "PHONE").await.unused_fallback, ["signed_curve25519"]);
    for _ in 0..2 {
        assert_eq!(claim(&world, &alice).await.unwrap().name, "signed_curve25519:7");
        assert!(world.counts(&alice, "PHONE").await.unused_fallback.is_empty());
    }

    // The same again is no new one; another is, also after a restart.
    upload(&world, &alice, None, Vec::new(), one_time_keys([7])).await.unwrap();
    assert!(world.counts(&alice, "PHONE").await.unused_fallback.is_empty());
    upload(&world, &alice, None, Vec::new(), one_time_keys([8])).await.unwrap();
    let world = world.killed_and_started(Adversity::none()).await;
    assert_eq!(world.counts(&alice, "PHONE").await.unused_fallback, ["signed_curve25519"]);
    assert_eq!(claim(&world, &alice).await.unwrap().name, "signed_curve25519:8");
}

#[tokio::test]
async fn many_devices_are_asked_in_one_claim_and_each_for_its_own_algorithm() {
    let world = World::new().await;
    let devices: Vec<String> = (0..100).map(|n| format!("D{n}")).collect();
    let names: Vec<&str> = devices.iter().map(String::as_str).collect();
    let alice = world.user("alice", &names).await;
    for device in &devices {
        let device: &ruma::DeviceId = device.as_str().into();
        let keys = KeyUpload::check(&alice, device, None, one_time_keys([1]), Vec::new()).unwrap();
        world.stream(&alice).upload_keys(device, keys).await.unwrap();
    }
    let wants = |algorithm: &str| -> Vec<WantedKey> {
        let devices = devices.iter().map(String::as_str).chain(["UNKNOWN"]);
        devices.map(|device| WantedKey { device: device.into(), algorithm: algorithm.into() }).collect()
    };

    assert!(world.stream(&alice).claim_keys(wants("m.other")).await.unwrap().is_empty());
    assert!(world.stream(&alice).claim_keys(wants("")).await.unwrap().is_empty());
    assert_eq!(world.stream(&alice).claim_keys(wants("signed_curve25519")).await.unwrap().len(), 100);
}
