//! Stories under many seeds. `PLAYHOUSE_SEED=n` plays one, `PLAYHOUSE_SEEDS=n` says how many (200).
//!
//! Short stories in which the process dies at each of its steps on the store in turn: `PLAYHOUSE_STEP_SEEDS=n` says of how
//! many seeds (3), `PLAYHOUSE_SEED=n PLAYHOUSE_STEP=n` plays one.

use std::{
    future::Future,
    num::NonZero,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use playhouse_simulation::{
    client::Violation,
    story::{Plot, play, play_cut},
};

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Plays a story on a clock of its own; `name` is how to play it again.
fn plays<T>(name: &str, story: impl Future<Output = Result<T, Violation>>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime");
    match runtime.block_on(story) {
        Ok(outcome) => outcome,
        Err(violation) => panic!("{name}: {violation}"),
    }
}

/// Plays numbers from `first` on up to `last`, as many at once as the machine has cores.
fn each(first: u64, last: u64, plays: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(first);
    let work = || {
        while let number = next.fetch_add(1, Ordering::Relaxed)
            && number <= last
        {
            plays(number);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(work);
        }
    });
}

fn play_seed(seed: u64) {
    plays(&format!("PLAYHOUSE_SEED={seed}"), play(Plot::rough(seed)));
}

fn play_step(seed: u64, step: u64) {
    plays(&format!("PLAYHOUSE_SEED={seed} PLAYHOUSE_STEP={step}"), play_cut(seed, Some(step)));
}

#[test]
fn a_clients_syncs_are_the_visible_log_whatever_the_store_does_and_wherever_the_process_dies() {
    match setting("PLAYHOUSE_SEED") {
        Some(seed) if setting("PLAYHOUSE_STEP").is_none() => play_seed(seed),
        Some(_) => {}
        None => each(1, setting("PLAYHOUSE_SEEDS").unwrap_or(200), play_seed),
    }
}

#[test]
fn a_process_that_dies_at_any_of_its_steps_has_lost_nothing_that_it_acknowledged() {
    if let Some(seed) = setting("PLAYHOUSE_SEED") {
        return setting("PLAYHOUSE_STEP").into_iter().for_each(|step| play_step(seed, step));
    }
    for seed in 1..=setting("PLAYHOUSE_STEP_SEEDS").unwrap_or(3) {
        let steps = plays(&format!("PLAYHOUSE_SEED={seed}"), play_cut(seed, None));
        println!("seed {seed}: {steps} steps");
        each(0, steps, |step| play_step(seed, step));
    }
}
