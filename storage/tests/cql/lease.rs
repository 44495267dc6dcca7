//! Who may serve from a keyspace, and how soon the next one may.

use std::time::{Duration, Instant};

use playhouse_storage::{
    Backend as _,
    backends::scylla::{CqlBackend, CqlOptions, OpenError},
};

use crate::stage::Stage;

/// How long a lease without a sign of life lasts, and the most that a claimer takes beside it.
const LIFE: Duration = Duration::from_secs(10);
const BESIDE: Duration = Duration::from_secs(5);

impl Stage {
    async fn alone(&self) -> Result<CqlBackend, OpenError> {
        CqlBackend::open(&CqlOptions { alone: true, ..self.options.clone() }).await
    }

    /// A lease that is left behind, as by `kill -9`.
    async fn left_behind(&self) {
        drop(self.alone().await.unwrap());
        assert!(self.owner().await.is_some());
    }

    async fn owner(&self) -> Option<String> {
        let row = self.cql("SELECT owner FROM ks.lease").await.into_iter().next()?;
        row.columns[0].as_ref().unwrap().as_text().cloned()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_is_told_who_serves_and_may_go_on_when_that_one_has_closed() {
    let Some(stage) = Stage::set("lease_second").await else { return };
    let first = stage.alone().await.unwrap();

    let began = Instant::now();
    let refused = stage.alone().await.unwrap_err();
    assert!(began.elapsed() < LIFE, "{:?}", began.elapsed());
    let OpenError::InUse { pid, .. } = refused else { panic!("{refused}") };
    assert_eq!(pid, std::process::id());
    let said = refused.to_string();
    assert!(said.contains(" GMT: stop that one first, or wait 10 s if it died just now"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    stage.open().await.expect("one that only looks is let in");

    first.close().await;
    assert_eq!(stage.owner().await, None);
    let began = Instant::now();
    let second = stage.alone().await.unwrap();
    assert!(began.elapsed() < BESIDE, "{:?}", began.elapsed());
    second.close().await;
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_of_this_machine_that_has_gone_holds_nobody_up() {
    let Some(stage) = Stage::set("lease_gone").await else { return };
    stage.left_behind().await;
    // Its id was given to another process, which started at another time.
    stage.cql("UPDATE ks.lease SET started = '1' WHERE name = 'store' IF EXISTS").await;
    // It was killed while it made the tables.
    stage.cql("DROP TABLE ks.profile").await;

    let began = Instant::now();
    stage.open().await.unwrap();
    assert_eq!(stage.owner().await, None, "whoever must not be alone keeps no lease");
    stage.alone().await.unwrap().close().await;
    assert!(began.elapsed() < LIFE, "{:?}", began.elapsed());
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_elsewhere_is_waited_for_as_long_as_its_lease() {
    let Some(stage) = Stage::set("lease_elsewhere").await else { return };
    stage.left_behind().await;
    stage.cql("UPDATE ks.lease SET host = 'elsewhere', place = '' WHERE name = 'store' IF EXISTS").await;

    let began = Instant::now();
    stage.alone().await.unwrap().close().await;
    assert!((LIFE..LIFE + BESIDE).contains(&began.elapsed()), "{:?}", began.elapsed());
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_was_lost_comes_back_when_the_other_process_is_gone() {
    let Some(stage) = Stage::set("lease_lost").await else { return };
    let store = stage.alone().await.unwrap();
    let own = stage.owner().await;
    stage
        .cql("UPDATE ks.lease SET owner = 'another', host = 'elsewhere' WHERE name = 'store' IF EXISTS")
        .await;
    assert_eq!(stage.owner().await.as_deref(), Some("another"));
    store.ready().await.expect("it goes on all the same");

    let began = Instant::now();
    while stage.owner().await != own {
        assert!(began.elapsed() < LIFE + BESIDE, "{:?}", stage.owner().await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    store.close().await;
    assert_eq!(stage.owner().await, None);
    stage.strike().await;
}
