//! What goes wrong with a CQL cluster, and what must hold then: nothing acknowledged is lost, nothing is doubled, the
//! server goes on by itself.
//!
//! `PLAYHOUSE_TEST_CQL=host:port cql-faults [--only SCENE] [--seed N]`. The nodes that are killed and paused are a
//! cluster of our own, by the launcher in `tests/cassandra`.

mod chorus;
mod cluster;
mod frame;
mod load;
mod outcome;
mod proxy;
mod scenes;
mod store;

use std::net::{SocketAddr, SocketAddrV4, ToSocketAddrs as _};
use std::time::Instant;

use clap::{Parser, ValueEnum};

use crate::outcome::Outcome;
use crate::scenes::{conditional, copy, gone, nodes, storm, two};

/// Faults of a CQL cluster, under load.
#[derive(Debug, Parser)]
struct Options {
    /// Only this scene; may be given again.
    #[arg(long, value_enum)]
    only: Vec<Scene>,
    /// Replays an earlier run's choices.
    #[arg(long)]
    seed: Option<u64>,
    /// A CQL node that stays up: host:port; of several the first.
    #[arg(long, env = "PLAYHOUSE_TEST_CQL")]
    node: String,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scene {
    /// One write whose request or answer is lost or cut in half.
    Conditional,
    /// A server moves to the cluster and back, the copy killed.
    Copy,
    /// Connections fail in the middle of requests.
    Storm,
    /// The cluster is gone for a while.
    Gone,
    /// Two processes on one keyspace.
    Two,
    /// Nodes are killed and paused.
    Nodes,
}

impl Scene {
    async fn plays(self, node: SocketAddrV4, seed: u64) -> Outcome {
        match self {
            Self::Conditional => conditional::plays(node).await,
            Self::Copy => copy::plays(node, seed).await,
            Self::Storm => storm::plays(node, seed).await,
            Self::Gone => gone::plays(node, seed).await,
            Self::Two => two::plays(node).await,
            Self::Nodes => nodes::plays(seed).await,
        }
    }
}

#[tokio::main]
async fn main() {
    let options = Options::parse();
    let first = options.node.split(',').next().unwrap_or_default();
    let Some(node) = address_of(first) else {
        eprintln!("{first:?} is no host:port with an IPv4 address");
        std::process::exit(2);
    };
    let seed = options.seed.unwrap_or_else(rand::random);
    println!("seed {seed}");
    let (mut passed, mut failed) = (0, 0);
    for scene in
        Scene::value_variants().iter().filter(|s| options.only.is_empty() || options.only.contains(s))
    {
        let began = Instant::now();
        let outcome = scene.plays(node, seed).await;
        println!("{scene:?}, {:.0} s", began.elapsed().as_secs_f64());
        outcome.story.iter().for_each(|line| println!("  {line}"));
        outcome.faults.iter().for_each(|fault| println!("  FAULT: {fault}"));
        if outcome.faults.is_empty() { passed += 1 } else { failed += 1 }
    }
    println!("{passed} passed, {failed} failed");
    if failed > 0 {
        println!("replay with --seed {seed}");
        std::process::exit(1);
    }
}

fn address_of(node: &str) -> Option<SocketAddrV4> {
    node.to_socket_addrs().ok()?.find_map(|address| match address {
        SocketAddr::V4(address) => Some(address),
        SocketAddr::V6(_) => None,
    })
}
