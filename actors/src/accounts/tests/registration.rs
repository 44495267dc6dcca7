//! Making accounts.

use super::*;

#[tokio::test]
async fn a_name_is_taken_once_and_for_ever() {
    let world = World::new();
    let user = world.registers("Alice").await;
    assert_eq!(user, "@alice:a.b");

    let taken = world.accounts.available(Some("ALICE")).await;
    assert!(matches!(taken, Err(AccountError::UserInUse)));

    world.accounts.deactivate(&user, false).await.unwrap();
    assert!(matches!(world.accounts.available(Some("alice")).await, Err(AccountError::UserInUse)));
    assert!(matches!(
        world.accounts.register(&user, NewAccount::default()).await,
        Err(AccountError::UserInUse)
    ));
}

#[tokio::test]
async fn of_many_who_want_a_name_at_once_one_gets_it() {
    let world = World::new();
    let user = world.accounts.available(Some("alice")).await.unwrap();
    let attempts = (0..20).map(|n| {
        let new = NewAccount { password: Some(n.to_string()), ..NewAccount::default() };
        world.accounts.register(&user, new)
    });

    let made = futures_util::future::join_all(attempts).await;

    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1);
}

#[tokio::test]
async fn who_gives_no_name_gets_one() {
    let world = World::new();

    let user = world.accounts.available(None).await.unwrap();

    assert!(user.localpart().len() >= 10, "{user}");
}

#[tokio::test]
async fn a_registration_token_admits_as_many_as_it_says() {
    let tokens = [("twice".to_owned(), Some(2)), ("always".to_owned(), None)];
    let world = World::with(Adversity::none(), |settings| settings.registration_tokens = tokens.into());
    let accounts = &world.accounts;

    assert!(accounts.registration_token_is_valid("twice").await.unwrap());
    assert!(accounts.use_registration_token("twice").await.unwrap());
    assert!(accounts.use_registration_token("twice").await.unwrap());
    assert!(!accounts.registration_token_is_valid("twice").await.unwrap());
    assert!(!accounts.use_registration_token("twice").await.unwrap());

    accounts.give_back_registration_token("twice").await.unwrap();
    assert!(accounts.use_registration_token("twice").await.unwrap());
    assert!(accounts.use_registration_token("always").await.unwrap());
    assert!(!accounts.use_registration_token("unknown").await.unwrap());
}

#[tokio::test]
async fn the_uses_of_a_token_outlive_a_restart() {
    let set =
        |settings: &mut AccountSettings| settings.registration_tokens = [("once".to_owned(), Some(1))].into();
    let world = World::with(Adversity::none(), set);
    world.accounts.use_registration_token("once").await.unwrap();

    let later = World::on(world.backend.clone(), Arc::clone(&world.clock), set);

    assert!(!later.accounts.registration_token_is_valid("once").await.unwrap());
}
