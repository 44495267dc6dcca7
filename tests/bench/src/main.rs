//! Measures a Matrix homeserver over plain HTTP, with the machine's own limits beside it.
//!
//! `playhouse-bench --spawn target/release/playhouse` measures Playhouse; `--url` any server that runs already;
//! `--synapse` installs and starts Synapse beside it, for a ratio on the same machine in the same call. With `--cql
//! host:port` the spawned Playhouse keeps its rows on that cluster, in a keyspace that is dropped at the end.

mod accounts;
mod latency;
mod machine;
mod measure;
mod scenarios;
mod subject;
mod synapse;
mod table;
mod trips;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::measure::Measurement;
use crate::scenarios::Scenario;
use crate::subject::Subject;

/// A load generator for Matrix homeservers.
#[derive(Clone, Debug, Parser)]
pub struct Options {
    /// A server that runs already.
    #[arg(long, conflicts_with = "spawn")]
    url: Option<String>,
    /// Its process, for CPU and memory.
    #[arg(long, requires = "url")]
    server_pid: Option<u32>,
    /// Starts this playhouse binary on an empty store.
    #[arg(long)]
    spawn: Option<PathBuf>,
    /// Puts the spawned server's store on this CQL server: `host:port`, or several with commas between.
    #[arg(long, requires = "spawn")]
    cql: Option<String>,
    /// On how many nodes of it each row is.
    #[arg(long, default_value_t = 1)]
    cql_replicas: u8,
    /// Measures Synapse as well, installed from PyPI into the cache.
    #[arg(long)]
    synapse: bool,
    /// Registers users by shared secret instead of open registration.
    #[arg(long)]
    shared_secret: Option<String>,
    /// Which measurements to make; all of them unless named.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Scenario>,
    /// How much work: `full` is what the aims speak of, `small` takes a minute or two.
    #[arg(long, default_value = "full")]
    size: Size,
    /// How much of it for Synapse, which takes a hundred times as long.
    #[arg(long, default_value = "small")]
    synapse_size: Size,
    /// Password hashing of the spawned server: `test` or `interactive`.
    #[arg(long, default_value = "test")]
    password_cost: String,
    /// Messages a second over all rooms in `chatter`.
    #[arg(long, default_value_t = 100)]
    chatter_rate: u32,
}

/// How much work a scenario does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Size {
    /// As in the aims.
    Full,
    /// About a tenth.
    Small,
    /// A look whether it works at all.
    Tiny,
}

impl Size {
    /// A number of the full size, scaled, but at least `least`.
    pub fn of(self, full: usize, least: usize) -> usize {
        let part = match self {
            Self::Full => full,
            Self::Small => full / 10,
            Self::Tiny => full / 100,
        };
        part.max(least.min(full))
    }
}

#[tokio::main]
async fn main() {
    let options = Options::parse();
    let limits = machine::limits().await;
    println!("{}", table::of_machine(&limits));
    let ours = match subject(&options).await {
        Some(mut subject) => measures(&mut subject, &options).await,
        None => Vec::new(),
    };
    let theirs = if options.synapse {
        let options = Options { size: options.synapse_size, ..options.clone() };
        let mut subject = synapse::starts().await;
        measures(&mut subject, &options).await
    } else {
        Vec::new()
    };
    println!("{}", table::of_measurements(&ours, &theirs));
    println!("{}", table::of_aims(&ours, &limits, options.size));
}

async fn subject(options: &Options) -> Option<Subject> {
    if let Some(binary) = &options.spawn {
        return Some(Subject::spawns(binary, options).await);
    }
    let url = options.url.as_deref()?;
    Some(Subject::at(url, options.server_pid, options.shared_secret.clone()))
}

async fn measures(subject: &mut Subject, options: &Options) -> Vec<Measurement> {
    let chosen =
        if options.only.is_empty() { Scenario::value_variants().to_vec() } else { options.only.clone() };
    let mut all = Vec::new();
    for scenario in chosen {
        eprintln!("{}: {scenario:?} ...", subject.name);
        let some = scenario.plays(subject, options).await;
        eprintln!("{}", table::of_measurements(&some, &[]));
        all.extend(some);
    }
    all
}
