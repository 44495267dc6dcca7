use futures_util::future::join;

use playhouse_storage::{backends::Adversity, tables::AccountData};

use super::*;
use crate::user::{
    backup::{Backups, NewBackup},
    keys::{CrossSigningOutcome, CrossSigningUpload},
};

/// Publishes all three keys of a user.
pub async fn publish(
    world: &World,
    user: &UserId,
    master: &SigningKey,
    own: &SigningKey,
    others: &SigningKey,
) {
    let name = user.as_str();
    let upload = CrossSigningUpload::check(
        user,
        Some(raw(&master.cross_signing(name, "master"))),
        Some(raw(&own.cross_signing_by(name, "self_signing", master))),
        Some(raw(&others.cross_signing_by(name, "user_signing", master))),
    );
    let outcome = world.stream(user).upload_cross_signing(upload.unwrap(), true).await;
    assert_eq!(outcome.unwrap(), CrossSigningOutcome::Published);
}

fn master(user: &UserId, seed: u8) -> CrossSigningUpload {
    let key = SigningKey::new(seed).cross_signing(user.as_str(), "master");
    CrossSigningUpload::check(user, Some(raw(&key)), None, None).unwrap()
}

#[tokio::test]
async fn the_first_keys_and_the_same_again_need_no_proof_and_others_do() {
    let world = World::new().await;
    let (alice, bob) = alice_and_bob(&world).await;
    let stream = world.stream(&alice);
    let since = world.now();

    assert_eq!(
        stream.upload_cross_signing(master(&alice, 1), false).await.unwrap(),
        CrossSigningOutcome::Published
    );
    assert_eq!(world.changed_for(&bob, since).await, [alice.clone()].into());
    let since = world.now();
    assert_eq!(
        stream.upload_cross_signing(master(&alice, 1), false).await.unwrap(),
        CrossSigningOutcome::Published
    );
    assert!(world.changed_for(&bob, since).await.is_empty());

    let needed = CrossSigningOutcome::AuthenticationNeeded;
    assert_eq!(stream.upload_cross_signing(master(&alice, 2), false).await.unwrap(), needed);
    let own = SigningKey::new(3).cross_signing_by(alice.as_str(), "self_signing", &SigningKey::new(1));
    let own = CrossSigningUpload::check(&alice, None, Some(raw(&own)), None).unwrap();
    assert_eq!(stream.upload_cross_signing(own.clone(), false).await.unwrap(), needed);
    assert_eq!(stream.upload_cross_signing(own.clone(), true).await.unwrap(), CrossSigningOutcome::Published);
    assert_eq!(stream.upload_cross_signing(own, false).await.unwrap(), CrossSigningOutcome::Published);
}

#[tokio::test]
async fn of_two_first_uploads_one_wins() {
    let world = World::new().await;
    let (alice, _) = alice_and_bob(&world).await;
    let (one, two) = (world.stream(&alice), world.stream(&alice));

    let outcomes = join(
        one.upload_cross_signing(master(&alice, 1), false),
        two.upload_cross_signing(master(&alice, 2), false),
    )
    .await;

    let outcomes = [outcomes.0.unwrap(), outcomes.1.unwrap()];
    assert!(outcomes.contains(&CrossSigningOutcome::Published));
    assert!(outcomes.contains(&CrossSigningOutcome::AuthenticationNeeded));
}

#[tokio::test]
async fn a_key_that_no_master_key_signed_is_refused() {
    let world = World::new().await;
    let (alice, _) = alice_and_bob(&world).await;
    let stream = world.stream(&alice);
    let own = SigningKey::new(3).cross_signing_by(alice.as_str(), "self_signing", &SigningKey::new(1));
    let own = CrossSigningUpload::check(&alice, None, Some(raw(&own)), None).unwrap();

    let refusal = stream.upload_cross_signing(own.clone(), true).await;
    assert!(matches!(refusal, Err(UserError::MissingParam(_))));
    assert_eq!(
        stream.upload_cross_signing(master(&alice, 2), false).await.unwrap(),
        CrossSigningOutcome::Published
    );
    assert!(matches!(stream.upload_cross_signing(own, true).await, Err(UserError::InvalidSignature(_))));
}

#[tokio::test]
async fn a_key_may_not_be_called_like_a_device() {
    let world = World::new().await;
    let alice = world.user("alice", &[&SigningKey::new(1).public()]).await;

    let refusal = world.stream(&alice).upload_cross_signing(master(&alice, 1), false).await;

    assert!(matches!(refusal, Err(UserError::Forbidden(_))));
}

#[tokio::test]
async fn a_new_master_key_casts_off_what_the_old_one_signed() {
    let world = World::new().await;
    let (alice, bob) = alice_and_bob(&world).await;
    publish(&world, &alice, &SigningKey::new(1), &SigningKey::new(2), &SigningKey::new(3)).await;
    assert!(query(&world, &bob, &[&alice]).await.self_signing.contains_key(&alice));

    let outcome = world.stream(&alice).upload_cross_signing(master(&alice, 4), true).await;

    assert_eq!(outcome.unwrap(), CrossSigningOutcome::Published);
    let keys = query(&world, &alice, &[&alice]).await;
    assert!(keys.master[&alice].get().contains(&SigningKey::new(4).public()));
    assert!(keys.self_signing.is_empty() && keys.user_signing.is_empty());
}

#[tokio::test]
async fn keys_backups_rules_and_filters_go_with_the_account() {
    let world = World::new().await;
    let (alice, bob) = alice_and_bob(&world).await;
    let [first, second, third] = [1, 2, 3].map(SigningKey::new);
    publish(&world, &alice, &first, &second, &third).await;
    let stream = world.stream(&alice);
    let backup = NewBackup::check(&raw(&json!({ "algorithm": "a", "auth_data": {} }))).unwrap();
    let version = stream.create_backup(backup.clone()).await.unwrap();
    let filter = stream.add_filter(raw(&json!({ "room": {} }))).await.unwrap();
    stream.set_account_data(None, "m.push_rules", raw(&json!({ "global": {} }))).await.unwrap();
    let since = world.now();

    stream.delete_data().await.unwrap();
    stream.delete_data().await.unwrap();

    let world = world.killed_and_started(Adversity::none()).await;
    assert!(query(&world, &bob, &[&alice]).await.master.is_empty());
    assert!(world.changed_for(&bob, since).await.contains(&alice), "others hear that the keys changed");
    let backups = Backups { store: world.node.store(), user: &alice };
    assert!(matches!(backups.version(&version).await, Err(UserError::NotFound(_))));
    assert!(world.node.users().filter(&alice, &filter).await.unwrap().is_none());
    let rows = world.node.store().all::<AccountData>((alice.as_str(),), ()).await.unwrap();
    assert!(rows.is_empty());
    // A number is never given twice, whatever becomes of the account.
    assert_ne!(world.stream(&alice).create_backup(backup).await.unwrap(), version);
}
