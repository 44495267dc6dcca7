//! Devices, and what goes with them.

use super::*;

#[tokio::test]
async fn logging_out_ends_one_device_and_tells_the_rest_of_the_server() {
    let world = World::new();
    let user = world.registers("alice").await;
    let (phone, laptop) = (world.logs_in(&user).await, world.logs_in(&user).await);
    let session = world.session(&phone.access_token).await.unwrap();

    world.accounts.log_out(&session).await.unwrap();

    assert!(!world.is_good(&phone.access_token).await);
    assert!(world.is_good(&laptop.access_token).await);
    assert_eq!(world.heard(), [format!("@alice:a.b lost {}", phone.device_id)]);
}

#[tokio::test]
async fn logging_out_everywhere_leaves_no_device() {
    let world = World::new();
    let user = world.registers("alice").await;
    let logins = [world.logs_in(&user).await, world.logs_in(&user).await];

    world.accounts.log_out_everywhere(&user).await.unwrap();

    for login in &logins {
        assert!(!world.is_good(&login.access_token).await);
    }
    assert!(world.accounts.devices(&user).await.unwrap().is_empty());
    assert_eq!(world.heard().len(), 1);
}

#[tokio::test]
async fn removing_a_device_that_is_not_there_is_fine() {
    let world = World::new();
    let user = world.registers("alice").await;

    world.accounts.remove_devices(&user, &["NOBODY".into()]).await.unwrap();

    assert!(world.heard().is_empty());
}

#[tokio::test]
async fn a_device_is_removed_only_from_its_own_user() {
    let world = World::new();
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let login = world.logs_in(&alice).await;

    world.accounts.remove_devices(&bob, std::slice::from_ref(&login.device_id)).await.unwrap();

    assert!(world.is_good(&login.access_token).await);
}

#[tokio::test]
async fn a_new_name_is_told_once() {
    let world = World::new();
    let user = world.registers("alice").await;
    let login = world.logs_in(&user).await;
    let rename = |name: &str| world.accounts.rename_device(&user, &login.device_id, name.to_owned());

    rename("Phone").await.unwrap();
    rename("Phone").await.unwrap();

    assert_eq!(world.heard(), [format!("@alice:a.b renamed {}", login.device_id)]);
    let device = world.accounts.device(&user, &login.device_id).await.unwrap();
    assert_eq!(device.display_name.as_deref(), Some("Phone"));
    let unknown = world.accounts.rename_device(&user, "NOBODY".into(), "x".to_owned()).await;
    assert!(matches!(unknown, Err(AccountError::UnknownDevice)));
    assert!(world.is_good(&login.access_token).await);
}

#[tokio::test]
async fn a_device_shows_when_and_from_where_it_was_used() {
    let world = World::new();
    let user = world.registers("alice").await;
    let login = world.logs_in(&user).await;
    world.is_good(&login.access_token).await;
    world.passes(Duration::from_mins(5));
    world.accounts.session(&login.access_token, "192.0.2.7".parse().unwrap()).await.unwrap();

    let device = world.accounts.device(&user, &login.device_id).await.unwrap();

    assert_eq!(device.last_seen_ts, Some(world.clock.now_ms()));
    assert_eq!(device.last_seen_ip.as_deref(), Some("192.0.2.7"));
}

#[tokio::test]
async fn the_last_use_is_written_down_now_and_then() {
    let world = World::new();
    let user = world.registers("alice").await;
    let login = world.logs_in(&user).await;
    world.is_good(&login.access_token).await;
    let first_use = world.clock.now_ms();

    // The write runs beside the request; what a process that just started sees is what was written.
    let mut written = None;
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
        written = world.restarted().accounts.device(&user, &login.device_id).await.unwrap().last_seen_ts;
        if written.is_some() {
            break;
        }
    }

    assert_eq!(written, Some(first_use));
}

#[tokio::test]
async fn a_new_password_ends_the_other_devices_unless_told_not_to() {
    let world = World::new();
    let user = world.registers("alice").await;
    let (mine, other) = (world.logs_in(&user).await, world.logs_in(&user).await);

    world.accounts.change_password(&user, "second", Some(&mine.device_id), false).await.unwrap();
    assert!(world.is_good(&other.access_token).await);

    world.accounts.change_password(&user, "third", Some(&mine.device_id), true).await.unwrap();
    assert!(world.is_good(&mine.access_token).await);
    assert!(!world.is_good(&other.access_token).await);
    assert!(world.accounts.verify_password("alice", "third").await.is_ok());
    assert!(world.accounts.verify_password("alice", "second").await.is_err());
}
