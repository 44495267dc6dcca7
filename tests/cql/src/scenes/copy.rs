//! A server moves from the embedded store to the CQL server and back, the copy killed again and again.

use std::net::SocketAddrV4;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use playhouse_tests::stage::Theater;
use playhouse_tests::{Keyspace, Server, Setup};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::load;
use crate::outcome::Outcome;

const USERS: usize = 4;
const LOAD: Duration = Duration::from_secs(6);
const KILLS: u64 = 3;

/// A store made under load is copied to a keyspace by a process that is killed a few times, perhaps while it makes the
/// tables, then to a new data folder. No kill holds the next process up for long.
/// The verifier finds both ends equal each time, every row is sound, and a server on the last copy is the first one.
pub async fn plays(node: SocketAddrV4, seed: u64) -> Outcome {
    let mut outcome = Outcome::default();
    let mut theater = Theater::opens(USERS, Setup::default().set("store", "fjall")).await;
    load::during(&mut theater, seed, async |_| tokio::time::sleep(LOAD).await).await;
    load::compare(&mut theater, &mut outcome).await;

    let keyspace = Arc::new(Keyspace::new(&node.to_string()));
    let server = &theater.world.server;
    let folder = server.folder();
    let middle = Setup::default().in_keyspace(&keyspace).render("127.0.0.1:1", "middle");
    std::fs::write(folder.join("middle.toml"), middle).expect("a file");

    let mut rng = StdRng::seed_from_u64(seed);
    let mut done = false;
    for _ in 0..KILLS {
        let after = Duration::from_millis(rng.random_range(500..2_500));
        done = done || !is_cut_off(server, "playhouse.toml", "middle.toml", after, &mut outcome).await;
    }
    if !done {
        finish(server, "playhouse.toml", "middle.toml", &mut outcome).await;
    }
    finish(server, "middle.toml", "fjall:back", &mut outcome).await;
    verify(server, "playhouse.toml", "fjall:back", &mut outcome).await;

    move_in(folder);
    theater.world.server.start_again().await;
    load::compare(&mut theater, &mut outcome).await;
    outcome
}

fn copy(server: &Server, from: &str, to: &str) -> Command {
    let mut command = server.command();
    command.args(["store", "copy", "--from", from, "--to", to]).stdin(Stdio::null());
    command
}

/// Begins a copy, or goes on with it, and kills it; `false` if it was done before.
async fn is_cut_off(server: &Server, from: &str, to: &str, after: Duration, outcome: &mut Outcome) -> bool {
    let mut copy = copy(server, from, to);
    let mut copy = copy.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts");
    tokio::time::sleep(after).await;
    copy.kill().expect("the process is ours");
    let ended = copy.wait().expect("the process is ours");
    outcome.tells(format!("a copy killed after {after:?}: {ended}"));
    outcome.law(ended.success() || ended.code().is_none(), || format!("a copy failed by itself: {ended}"));
    !ended.success()
}

/// Copies what is left; the copy compares both ends itself.
async fn finish(server: &Server, from: &str, to: &str, outcome: &mut Outcome) {
    run(copy(server, from, to), &format!("{from} to {to}"), outcome).await;
}

async fn verify(server: &Server, from: &str, to: &str, outcome: &mut Outcome) {
    let mut command = copy(server, from, to);
    command.arg("--verify");
    run(command, &format!("--verify {from} {to}"), outcome).await;
}

async fn run(mut command: Command, what: &str, outcome: &mut Outcome) {
    let began = Instant::now();
    let done = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    let done = done.expect("the binary runs");
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    let equal = done.status.success() && said.contains("both ends are equal");
    outcome.tells(format!(
        "{what}, {:.1} s: {}",
        began.elapsed().as_secs_f64(),
        said.trim().replace('\n', "; ")
    ));
    outcome.law(equal, || format!("{what}: {said}"));
}

/// Puts the copy of the copy in the place of the first store.
fn move_in(folder: &Path) {
    let store = folder.join("data/store");
    std::fs::rename(&store, folder.join("first")).expect("a rename");
    std::fs::rename(folder.join("back/store"), store).expect("a rename");
}
