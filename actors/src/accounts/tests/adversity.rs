//! The same laws where the store sometimes does not know, and where the process dies in between.

use super::*;

const DOUBTFUL: Adversity = Adversity {
    unknown_per_mille: 300,
    lose_projection_per_mille: 0,
    partial_write_per_mille: 0,
    delay_yields: 2,
};

#[tokio::test]
async fn a_store_that_often_does_not_know_makes_no_double_accounts_and_loses_none() {
    let world = World::with(DOUBTFUL, |_| {});
    for n in 0..50 {
        let user = world.accounts.available(Some(&format!("user{n}"))).await.unwrap();
        let new = || NewAccount { password: Some("x".to_owned()), ..NewAccount::default() };
        let both =
            futures_util::join!(world.accounts.register(&user, new()), world.accounts.register(&user, new()));

        let won = [&both.0, &both.1].into_iter().filter(|made| made.is_ok()).count();
        assert_eq!(won, 1, "{both:?}");
        assert!(world.accounts.get(&user).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_store_that_often_does_not_know_rotates_tokens_all_the_same() {
    let world = World::with(DOUBTFUL, |_| {});
    let user = world.registers("alice").await;
    let mut token = world.logs_in_refreshable(&user).await.refresh_token.unwrap();
    for _ in 0..30 {
        let pair = world.accounts.refresh(&token).await.unwrap();
        assert!(world.is_good(&pair.access_token).await);
        assert!(world.accounts.refresh(&token).await.is_err());
        token = pair.refresh_token;
    }
}

/// Wherever a crash falls in removing a device: either the client was answered, or it can ask again and gets there.
#[tokio::test]
async fn a_crash_while_logging_out_leaves_no_token_behind_that_nobody_can_end() {
    for step in 0..8 {
        let world = World::new();
        let user = world.registers("alice").await;
        let login = world.logs_in_refreshable(&user).await;
        let session = world.session(&login.access_token).await.unwrap();

        world.backend.crash_at(world.backend.steps() + step);
        let answer = world.accounts.log_out(&session).await;

        let disk = world.backend.disk();
        let after =
            World::on(MemoryBackend::open(&disk, Adversity::none()), Arc::clone(&world.clock), |_| {});
        assert!(answer.is_err() || !after.is_good(&login.access_token).await, "answered at step {step}");
        after.accounts.log_out_everywhere(&user).await.unwrap();
        assert!(!after.is_good(&login.access_token).await, "step {step}");
        assert!(after.accounts.refresh(login.refresh_token.as_ref().unwrap()).await.is_err(), "step {step}");
        assert!(after.accounts.devices(&user).await.unwrap().is_empty(), "step {step}");
    }
}

/// Wherever a crash falls in a refresh: the client goes on with the pair it has, or with the new one.
#[tokio::test]
async fn a_crash_while_refreshing_logs_nobody_out() {
    for step in 0..12 {
        let world = World::new();
        let user = world.registers("alice").await;
        let token = world.logs_in_refreshable(&user).await.refresh_token.unwrap();

        world.backend.crash_at(world.backend.steps() + step);
        let answer = world.accounts.refresh(&token).await;

        let disk = world.backend.disk();
        let after =
            World::on(MemoryBackend::open(&disk, Adversity::none()), Arc::clone(&world.clock), |_| {});
        let pair = match answer {
            Ok(pair) => pair,
            Err(_) => after.accounts.refresh(&token).await.unwrap(),
        };
        assert!(after.is_good(&pair.access_token).await, "step {step}");
    }
}
