//! Locking, suspending, deactivating.

use super::*;
use crate::accounts::AccountFlags;

const LOCKED: AccountFlags = AccountFlags { admin: None, locked: Some(true), suspended: None };

#[tokio::test]
async fn flags_hold_from_the_next_request_on() {
    let world = World::new();
    let user = world.registers("alice").await;
    let login = world.logs_in(&user).await;
    assert!(!world.session(&login.access_token).await.unwrap().is_locked());

    world.accounts.set_flags(&user, LOCKED).await.unwrap();
    let suspended = AccountFlags { admin: Some(true), locked: Some(false), suspended: Some(true) };

    assert!(world.session(&login.access_token).await.unwrap().is_locked());
    world.accounts.set_flags(&user, suspended).await.unwrap();
    let session = world.session(&login.access_token).await.unwrap();
    assert!(!session.is_locked() && session.is_suspended() && session.is_admin());
    let unknown = world.accounts.set_flags(ruma::user_id!("@bob:a.b"), LOCKED).await;
    assert!(matches!(unknown, Err(AccountError::UnknownUser)));
}

#[tokio::test]
async fn a_locked_account_gets_no_new_tokens() {
    let world = World::new();
    let user = world.registers("alice").await;
    let token = world.logs_in_refreshable(&user).await.refresh_token.unwrap();

    world.accounts.set_flags(&user, LOCKED).await.unwrap();

    assert!(matches!(world.accounts.refresh(&token).await, Err(AccountError::Locked)));
    assert!(matches!(world.accounts.log_in(&user, NewDevice::default()).await, Err(AccountError::Locked)));
    world.accounts.set_flags(&user, AccountFlags { locked: Some(false), ..LOCKED }).await.unwrap();
    assert!(world.accounts.refresh(&token).await.is_ok());
}

#[tokio::test]
async fn a_deactivated_account_is_over_and_leaves_in_order() {
    let world = World::new();
    let user = world.registers("alice").await;
    let login = world.logs_in_refreshable(&user).await;
    assert!(world.is_good(&login.access_token).await);

    world.accounts.deactivate(&user, true).await.unwrap();

    assert!(!world.is_good(&login.access_token).await);
    assert!(world.accounts.refresh(&login.refresh_token.unwrap()).await.is_err());
    assert!(world.accounts.log_in(&user, NewDevice::default()).await.is_err());
    assert!(!world.accounts.is_active(&user).await.unwrap());
    let account = world.accounts.get(&user).await.unwrap().unwrap();
    assert!(account.erased && account.password_hash.is_none());
    let lost = format!("@alice:a.b lost {}", login.device_id);
    let ends = "@alice:a.b ends, erase true".to_owned();
    assert_eq!(world.heard(), [ends.clone(), lost, ends], "again when nobody acts for the user any more");
}
