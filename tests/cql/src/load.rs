//! Users who act while something goes wrong, and the comparison afterwards.

use playhouse_tests::Server;
use playhouse_tests::stage::{Curtain, Theater, Worker, everything, settle, whole_log};

use crate::outcome::Outcome;

const WORKERS_OF_A_USER: u64 = 2;

/// Lets all users of the theater act and read until `scene` is over.
pub async fn during<T>(theater: &mut Theater, seed: u64, scene: impl AsyncFnOnce(&Theater) -> T) -> T {
    let curtain = Curtain::default();
    let readers: Vec<_> =
        theater.readers.drain(..).map(|reader| tokio::spawn(reader.follows_until(curtain.clone()))).collect();
    let mut workers = Vec::new();
    for user in 0..theater.users.len() {
        for number in 0..WORKERS_OF_A_USER {
            let worker = Worker::new(theater, seed, 1, user, number);
            workers.push(tokio::spawn(worker.works_until(curtain.clone())));
        }
    }
    let played = scene(theater).await;
    curtain.falls();
    for worker in workers {
        worker.await.expect("workers do not panic");
    }
    for reader in readers {
        theater.readers.push(reader.await.expect("readers do not panic"));
    }
    played
}

/// Holds the server to what it acknowledged, then ends it and looks at every row.
pub async fn compare(theater: &mut Theater, outcome: &mut Outcome) {
    let unknown = settle(theater).await;
    everything(theater).await;
    let mut faults = theater.take_faults();
    faults.extend(whole_log(theater).await);
    outcome.tells(format!(
        "{} requests acknowledged, {unknown} sent again, {} times unavailable, log of {}",
        theater.acknowledged(),
        theater.unavailable(),
        theater.log.len()
    ));
    outcome.faults.extend(faults);
    check_rows(&mut theater.world.server, outcome).await;
}

/// Ends the server in order and runs `playhouse store check`.
pub async fn check_rows(server: &mut Server, outcome: &mut Outcome) {
    server.stop().await;
    let check = server.runs(&["store", "check"]);
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    outcome.law(check.status.success(), || {
        format!("`store check` found: {}{}", said(&check.stdout), said(&check.stderr))
    });
}
