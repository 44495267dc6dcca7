//! Stories under many seeds. `PLAYHOUSE_SEED=n` plays one, `PLAYHOUSE_SEEDS=n` says how many (200).

use playhouse_simulation::story::{Plot, play};

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn play_seed(seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime");
    if let Err(violation) = runtime.block_on(play(Plot::rough(seed))) {
        panic!("PLAYHOUSE_SEED={seed}: {violation}");
    }
}

#[test]
fn a_clients_syncs_are_the_visible_log_whatever_the_store_does_and_wherever_the_process_dies() {
    if let Some(seed) = setting("PLAYHOUSE_SEED") {
        return play_seed(seed);
    }
    for seed in 0..setting("PLAYHOUSE_SEEDS").unwrap_or(200) {
        play_seed(seed);
    }
}
