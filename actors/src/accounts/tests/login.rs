//! Logging in.

use super::*;

#[tokio::test]
async fn only_the_right_password_of_a_living_account_is_right() {
    let world = World::new();
    let user = world.registers("alice").await;
    let accounts = &world.accounts;

    assert_eq!(accounts.verify_password("@ALICE:a.b", "password of alice").await.unwrap(), user);
    for (who, password) in
        [("alice", "wrong"), ("bob", "password of alice"), ("@alice:c.d", "password of alice")]
    {
        let verified = accounts.verify_password(who, password).await;
        assert!(matches!(verified, Err(AccountError::WrongCredentials)), "{who}");
    }
    accounts.deactivate(&user, false).await.unwrap();
    let verified = accounts.verify_password("alice", "password of alice").await;
    assert!(matches!(verified, Err(AccountError::WrongCredentials)));
}

#[tokio::test]
async fn a_token_stands_for_its_user_and_device() {
    let world = World::new();
    let user = world.registers("alice").await;
    let login = world.logs_in(&user).await;

    let session = world.session(&login.access_token).await.unwrap();

    assert_eq!((&session.user_id, &session.device_id), (&user, &login.device_id));
    assert!(!session.is_admin() && !session.is_locked() && !session.is_suspended());
    assert!(world.restarted().is_good(&login.access_token).await);
}

#[tokio::test]
async fn the_store_holds_no_token() {
    let world = World::new();
    let user = world.registers("alice").await;
    let login = world.logs_in_refreshable(&user).await;

    let device = world.accounts.inner.device(&user, &login.device_id).await.unwrap().unwrap();

    let text = serde_json::to_string(&device).unwrap();
    assert!(!text.contains(&login.access_token) && !text.contains(&login.refresh_token.unwrap()));
    assert!(!world.is_good(&device.access_hashes[0]).await, "a hash logs nobody in");
}

#[tokio::test]
async fn a_device_that_logs_in_again_keeps_its_name_and_loses_its_tokens() {
    let world = World::new();
    let user = world.registers("alice").await;
    let phone = |name: &str| NewDevice {
        device_id: Some("PHONE".into()),
        display_name: Some(name.to_owned()),
        refreshable: true,
    };
    let first = world.accounts.log_in(&user, phone("first")).await.unwrap();
    assert!(world.is_good(&first.access_token).await);

    let second = world.accounts.log_in(&user, phone("second")).await.unwrap();

    assert!(!world.is_good(&first.access_token).await);
    assert!(world.accounts.refresh(&first.refresh_token.unwrap()).await.is_err());
    assert!(world.is_good(&second.access_token).await);
    let devices = world.accounts.devices(&user).await.unwrap();
    assert_eq!(devices.len(), 1);
    assert_eq!(devices[0].display_name.as_deref(), Some("first"));
    assert!(world.heard().is_empty(), "the device and its keys stay");
}

#[tokio::test]
async fn a_device_id_has_bounds() {
    let world = World::new();
    let user = world.registers("alice").await;
    for bad in ["", "a\nb", &"a".repeat(256)] {
        let device = NewDevice { device_id: Some(bad.into()), ..NewDevice::default() };
        assert!(
            matches!(world.accounts.log_in(&user, device).await, Err(AccountError::InvalidDeviceId)),
            "{bad:?}"
        );
    }
}

#[tokio::test]
async fn a_display_name_is_cut_between_characters() {
    let world = World::new();
    let user = world.registers("alice").await;
    let device = NewDevice { display_name: Some("ü".repeat(1_000)), ..NewDevice::default() };

    let login = world.accounts.log_in(&user, device).await.unwrap();

    let name = world.accounts.device(&user, &login.device_id).await.unwrap().display_name.unwrap();
    assert_eq!(name, "ü".repeat(512));
}

#[tokio::test]
async fn a_login_token_is_good_once_and_not_for_long() {
    let world = World::new();
    let user = world.registers("alice").await;
    let used = world.accounts.issue_login_token(&user).await.unwrap();
    let old = world.accounts.issue_login_token(&user).await.unwrap();

    assert_eq!(world.accounts.use_login_token(&used.token).await.unwrap(), user);
    assert!(matches!(world.accounts.use_login_token(&used.token).await, Err(AccountError::WrongCredentials)));
    world.passes(old.expires_in);
    assert!(matches!(world.accounts.use_login_token(&old.token).await, Err(AccountError::WrongCredentials)));
}

#[tokio::test]
async fn of_many_who_use_a_login_token_at_once_one_gets_in() {
    let world = World::new();
    let user = world.registers("alice").await;
    let issued = world.accounts.issue_login_token(&user).await.unwrap();

    let used =
        futures_util::future::join_all((0..20).map(|_| world.accounts.use_login_token(&issued.token))).await;

    assert_eq!(used.iter().filter(|used| used.is_ok()).count(), 1);
}

#[tokio::test]
async fn what_is_no_token_of_ours_is_unknown() {
    let world = World::new();
    for text in ["", "pha_", "nonsense", &"x".repeat(1 << 20)] {
        assert!(!world.is_good(text).await);
        assert!(matches!(world.accounts.refresh(text).await, Err(AccountError::UnknownToken)));
        assert!(matches!(world.accounts.use_login_token(text).await, Err(AccountError::WrongCredentials)));
    }
}
