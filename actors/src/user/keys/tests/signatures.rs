use super::*;
use crate::user::keys::{SignatureFailure, SignedKeys};

async fn failure(
    world: &World,
    signer: &UserId,
    owner: &UserId,
    target: &str,
    object: &Value,
) -> Option<SignatureFailure> {
    let signed: SignedKeys = [(owner.to_owned(), [(target.to_owned(), raw(object))].into())].into();
    let failures = world.stream(signer).upload_signatures(signed).await.unwrap();
    failures.get(owner).and_then(|of_owner| of_owner.get(target)).copied()
}

/// Publishes a signature, which must be taken.
pub async fn sign(world: &World, signer: &UserId, owner: &UserId, target: &str, object: &Value) {
    assert_eq!(failure(world, signer, owner, target, object).await, None);
}

struct Keys {
    master: SigningKey,
    own: SigningKey,
    others: SigningKey,
}

async fn published(world: &World, user: &UserId, seed: u8) -> Keys {
    let [master, own, others] = [seed, seed + 1, seed + 2].map(SigningKey::new);
    cross_signing::publish(world, user, &master, &own, &others).await;
    Keys { master, own, others }
}

#[tokio::test]
async fn the_self_signing_key_signs_devices_for_all_to_see() {
    let world = World::new().await;
    let (alice, bob) = alice_and_bob(&world).await;
    let keys = published(&world, &alice, 10).await;
    let mut phone = phone_keys(&alice, 1);
    upload(&world, &alice, Some(&phone), Vec::new(), Vec::new()).await.unwrap();
    let since = world.now();

    keys.own.sign(&mut phone, alice.as_str(), &keys.own.public());
    sign(&world, &alice, &alice, "PHONE", &phone).await;

    assert_eq!(world.changed_for(&bob, since).await, [alice.clone()].into());
    let seen: Value =
        serde_json::from_str(query(&world, &bob, &[&alice]).await.devices[&alice]["PHONE"].get()).unwrap();
    assert_eq!(seen["signatures"], phone["signatures"]);
    let since = world.now();
    sign(&world, &alice, &alice, "PHONE", &phone).await;
    assert!(world.changed_for(&bob, since).await.is_empty());
}

#[tokio::test]
async fn the_user_signing_key_signs_others_for_its_maker_alone_to_see() {
    let world = World::new().await;
    let (alice, bob) = alice_and_bob(&world).await;
    let carol = world.user("carol", &["PHONE"]).await;
    let (alices, bobs) = (published(&world, &alice, 10).await, published(&world, &bob, 20).await);
    let since = world.now();

    let mut master = bobs.master.cross_signing(bob.as_str(), "master");
    alices.others.sign(&mut master, alice.as_str(), &alices.others.public());
    sign(&world, &alice, &bob, &bobs.master.public(), &master).await;

    for (reader, sees) in [(&alice, true), (&bob, false), (&carol, false)] {
        let seen = query(&world, reader, &[&bob]).await;
        assert_eq!(seen.master[&bob].get().contains(alice.as_str()), sees, "{reader}");
        let hears = world.changed_for(reader, since).await.contains(&bob);
        assert_eq!(hears, sees, "{reader}");
    }
}

#[tokio::test]
async fn devices_sign_their_own_users_master_key() {
    let world = World::new().await;
    let (alice, bob) = alice_and_bob(&world).await;
    let keys = published(&world, &alice, 10).await;
    upload(&world, &alice, Some(&phone_keys(&alice, 1)), Vec::new(), Vec::new()).await.unwrap();
    let mut master = keys.master.cross_signing(alice.as_str(), "master");
    SigningKey::new(1).sign(&mut master, alice.as_str(), "PHONE");

    sign(&world, &alice, &alice, &keys.master.public(), &master).await;

    assert!(query(&world, &bob, &[&alice]).await.master[&alice].get().contains("ed25519:PHONE"));
    let mut forged = keys.master.cross_signing(alice.as_str(), "master");
    SigningKey::new(2).sign(&mut forged, alice.as_str(), "PHONE");
    let verdict = failure(&world, &alice, &alice, &keys.master.public(), &forged).await;
    assert_eq!(verdict, Some(SignatureFailure::InvalidSignature));
}

#[tokio::test]
async fn what_is_not_as_published_or_not_rightly_signed_is_a_failure_of_its_own() {
    let world = World::new().await;
    let (alice, bob) = alice_and_bob(&world).await;
    let (alices, bobs) = (published(&world, &alice, 10).await, published(&world, &bob, 20).await);
    let phone = phone_keys(&alice, 1);
    upload(&world, &alice, Some(&phone), Vec::new(), Vec::new()).await.unwrap();
    let signed_by = |key: &SigningKey, object: &Value| {
        let mut object = object.clone();
        key.sign(&mut object, alice.as_str(), &key.public());
        object
    };
    let other = SigningKey::new(2).device_keys(alice.as_str(), "PHONE");
    let mut forged = signed_by(&alices.own, &phone);
    forged["signatures"][alice.as_str()][format!("ed25519:{}", alices.own.public())] = json!("AAAA");
    let bobs_master = bobs.master.cross_signing(bob.as_str(), "master");
    let bobs_key = bobs.master.public();
    let float = json!({ "a": 1.5 });
    let (unknown, mismatch, invalid) = (
        Some(SignatureFailure::UnknownKey),
        Some(SignatureFailure::OtherObject),
        Some(SignatureFailure::InvalidSignature),
    );

    for (owner, target, object, expected) in [
        (&alice, "PHONE", phone.clone(), invalid),
        (&alice, "PHONE", signed_by(&alices.others, &phone), invalid),
        (&alice, "PHONE", forged, invalid),
        (&alice, "PHONE", signed_by(&alices.own, &other), mismatch),
        (&alice, "LAPTOP", signed_by(&alices.own, &phone), unknown),
        (&alice, "PHONE", float, Some(SignatureFailure::Malformed)),
        (&bob, "PHONE", signed_by(&alices.others, &bobs_master), unknown),
        (&bob, &bobs_key, signed_by(&alices.own, &bobs_master), invalid),
        (&bob, &bobs_key, signed_by(&alices.others, &bobs_master), None),
    ] {
        assert_eq!(
            failure(&world, &alice, owner, target, &object).await,
            expected,
            "{owner} {target} {object}"
        );
    }
}
