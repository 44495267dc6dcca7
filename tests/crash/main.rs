//! Kills the server again and again while several users act, and holds it to what it acknowledged: nothing lost,
//! nothing doubled, no one-time key handed out twice, every sync token from before still good.
//!
//! `crash --rounds 1000 --seed 7`; the seed decides who does what and when the kill comes, and is printed.

mod round;

use clap::Parser;
use playhouse_tests::Setup;
use playhouse_tests::stage::{Theater, whole_log};

/// Kill -9 under load, restart, compare with what was acknowledged.
#[derive(Debug, Parser)]
struct Options {
    /// How many times the server is killed.
    #[arg(long, default_value_t = 25)]
    rounds: u64,
    /// Replays an earlier run's choices.
    #[arg(long)]
    seed: Option<u64>,
    /// How many users act at once.
    #[arg(long, default_value_t = 5)]
    users: usize,
    /// The longest time under load, in milliseconds, before the kill comes.
    #[arg(long, default_value_t = 600)]
    longest_millis: u64,
}

#[tokio::main]
async fn main() {
    let options = Options::parse();
    let seed = options.seed.unwrap_or_else(rand::random);
    println!("seed {seed}: replay with --rounds {} --seed {seed}", options.rounds);
    let mut theater = Theater::opens(options.users, Setup::default()).await;
    let mut failed = 0;
    for number in 1..=options.rounds {
        let outcome = round::plays(&mut theater, seed, number, options.longest_millis).await;
        failed += tell(&format!("round {number}: {}", outcome.summary), &outcome.faults);
    }
    failed += tell("the whole log, read again", &whole_log(&mut theater).await);
    println!("{} passed, {failed} failed", options.rounds + 1 - failed);
    if failed > 0 {
        println!("replay with --rounds {} --seed {seed}", options.rounds);
        std::process::exit(1);
    }
}

/// Prints a round and its faults; 1 if there are any.
fn tell(summary: &str, faults: &[String]) -> u64 {
    println!("{summary}");
    for fault in faults {
        println!("  FAULT: {fault}");
    }
    u64::from(!faults.is_empty())
}
