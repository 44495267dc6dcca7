//! Refreshing, above all when an answer is lost.

use super::*;
use crate::accounts::Refreshed;

async fn refresh(world: &World, token: &str) -> Option<Refreshed> {
    match world.accounts.refresh(token).await {
        Ok(pair) => Some(pair),
        Err(AccountError::UnknownToken) => None,
        Err(error) => panic!("{error}"),
    }
}

/// A user, their access token and their refresh token.
async fn logged_in(world: &World) -> (OwnedUserId, String, String) {
    let user = world.registers("alice").await;
    let login = world.logs_in_refreshable(&user).await;
    (user, login.access_token, login.refresh_token.unwrap())
}

#[tokio::test]
async fn an_access_token_that_expired_asks_for_a_refresh() {
    let world = World::new();
    let (user, access, token) = logged_in(&world).await;
    let endless = world.logs_in(&user).await;
    assert!(endless.refresh_token.is_none() && endless.expires_in.is_none());

    world.passes(Duration::from_hours(1));

    assert!(matches!(world.session(&access).await, Err(AccountError::ExpiredToken)));
    assert!(world.is_good(&endless.access_token).await);
    let pair = refresh(&world, &token).await.unwrap();
    assert!(world.is_good(&pair.access_token).await);
}

#[tokio::test]
async fn the_old_pair_is_good_until_the_new_one_is_used() {
    let world = World::new();
    let (_, access, token) = logged_in(&world).await;

    let new = refresh(&world, &token).await.unwrap();
    assert!(world.is_good(&access).await);

    assert!(world.is_good(&new.access_token).await);
    assert!(!world.is_good(&access).await);
    assert!(refresh(&world, &token).await.is_none());
    assert!(refresh(&world, &new.refresh_token).await.is_some());
}

#[tokio::test]
async fn using_the_new_refresh_token_ends_the_old_one_too() {
    let world = World::new();
    let (_, _, token) = logged_in(&world).await;
    let second = refresh(&world, &token).await.unwrap();

    let third = refresh(&world, &second.refresh_token).await.unwrap();

    assert!(refresh(&world, &token).await.is_none());
    assert!(world.is_good(&third.access_token).await);
}

#[tokio::test]
async fn a_lost_answer_logs_nobody_out() {
    let world = World::new();
    let (user, access, token) = logged_in(&world).await;
    let lost = refresh(&world, &token).await.unwrap();

    let again = refresh(&world.restarted(), &token).await.unwrap();

    assert!(world.is_good(&access).await);
    assert!(!world.is_good(&lost.access_token).await, "nobody saw it, so nobody needs it");
    assert!(world.is_good(&again.access_token).await);
    assert_eq!(world.accounts.devices(&user).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_refresh_keeps_the_device() {
    let world = World::new();
    let (user, access, token) = logged_in(&world).await;
    let before = world.session(&access).await.unwrap().device_id.clone();

    let pair = refresh(&world, &token).await.unwrap();

    let after = world.session(&pair.access_token).await.unwrap();
    assert_eq!((&after.user_id, &after.device_id), (&user, &before));
    assert!(world.heard().is_empty());
}

#[tokio::test]
async fn many_refreshes_with_one_token_leave_one_pair() {
    let world = World::new();
    let (_, _, token) = logged_in(&world).await;

    let pairs = futures_util::future::join_all((0..8).map(|_| refresh(&world, &token))).await;

    let mut good = 0;
    for pair in pairs.into_iter().flatten() {
        good += usize::from(world.is_good(&pair.access_token).await);
    }
    assert_eq!(good, 1);
}

#[tokio::test]
async fn a_device_that_is_gone_refreshes_nothing() {
    let world = World::new();
    let (user, access, token) = logged_in(&world).await;
    let session = world.session(&access).await.unwrap();

    world.accounts.log_out(&session).await.unwrap();

    assert!(refresh(&world, &token).await.is_none());
    assert!(!world.is_good(&access).await);
    assert!(world.accounts.devices(&user).await.unwrap().is_empty());
}
