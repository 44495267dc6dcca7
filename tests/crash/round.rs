//! One round: load, the kill at a moment of the seed's choice, the restart, the comparison.

use std::time::Duration;

use playhouse_tests::stage::{Theater, Worker, everything, settle};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const WORKERS_OF_A_USER: u64 = 2;
const SHORTEST_MILLIS: u64 = 20;

/// What a round found.
#[derive(Debug)]
pub struct Outcome {
    pub summary: String,
    pub faults: Vec<String>,
}

/// Plays one round.
pub async fn plays(theater: &mut Theater, seed: u64, round: u64, longest_millis: u64) -> Outcome {
    let moment = StdRng::seed_from_u64(seed ^ (round << 32)).random_range(SHORTEST_MILLIS..=longest_millis);
    let before = theater.acknowledged();
    under_load(theater, seed, round, Duration::from_millis(moment)).await;
    let began = tokio::time::Instant::now();
    theater.world.restart().await;
    let restart = began.elapsed().as_millis();
    let unknown = settle(theater).await;
    everything(theater).await;
    let acknowledged = theater.acknowledged() - before;
    let summary = format!(
        "killed after {moment} ms, up again after {restart} ms; {acknowledged} acknowledged, {unknown} unknown, log of {}",
        theater.log.len()
    );
    Outcome { summary, faults: theater.take_faults() }
}

/// All users act and read until the kill.
async fn under_load(theater: &mut Theater, seed: u64, round: u64, time: Duration) {
    let readers: Vec<_> = theater.readers.drain(..).map(|reader| tokio::spawn(reader.follows())).collect();
    let mut workers = Vec::new();
    for index in 0..theater.users.len() {
        for number in 0..WORKERS_OF_A_USER {
            workers.push(tokio::spawn(Worker::new(theater, seed, round, index, number).works()));
        }
    }
    tokio::time::sleep(time).await;
    theater.world.kill_minus_nine();
    for worker in workers {
        worker.await.expect("workers do not panic");
    }
    for reader in readers {
        theater.readers.push(reader.await.expect("readers do not panic"));
    }
}
