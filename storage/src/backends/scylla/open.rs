//! Why a keyspace was not opened, and the way to one that is: what the cluster can do is found out before anything is
//! promised.

use std::sync::Arc;

use super::{
    cluster::Cluster,
    lease::Keeper,
    migrate,
    options::{BadSetting, CqlOptions},
    probe,
    session::{Profiles, connect},
};
use crate::metrics::CqlMetrics;

/// Why a keyspace was not opened. Each says in one line what to do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OpenError {
    /// A setting cannot be.
    #[error(transparent)]
    Setting(#[from] BadSetting),
    /// No node answers.
    #[error(
        "no node of scylla.contact_points ({nodes}) answers: {reason}; check the addresses, and that the cluster runs"
    )]
    Unreachable {
        /// Those that were asked.
        nodes: String,
        /// What the last one said, if anything.
        reason: String,
    },
    /// The keyspace is not there, and is not to be made.
    #[error("there is no store in keyspace {keyspace}: check scylla.keyspace")]
    Missing {
        /// The keyspace.
        keyspace: String,
    },
    /// The log-in was refused.
    #[error("the cluster refuses the log-in: {reason}; check scylla.user and the password")]
    LogIn {
        /// The cluster's words.
        reason: String,
    },
    /// The data centre is not there.
    #[error("no node is in data centre {wanted} of scylla.datacenter; there are nodes in: {there}")]
    Datacenter {
        /// The configured one.
        wanted: String,
        /// Those of the cluster.
        there: String,
    },
    /// Rows cannot be kept as often as they should be.
    #[error(
        "keyspace {keyspace} keeps each row {factor} times in data centre {datacenter}, which has {nodes} nodes: add \
         nodes, or lower scylla.replication_factor (of a keyspace that is there already: by ALTER KEYSPACE)"
    )]
    TooFewNodes {
        /// The keyspace.
        keyspace: String,
        /// The data centre.
        datacenter: String,
        /// How often each row is kept there.
        factor: u32,
        /// How many nodes it has.
        nodes: u32,
    },
    /// The clocks are far apart: stamps of writes would not fit those of other processes.
    #[error("this machine's clock is {seconds} s {direction} that of the cluster: set both by NTP")]
    Clock {
        /// By how many seconds.
        seconds: u64,
        /// `ahead of` or `behind`.
        direction: &'static str,
    },
    /// A newer version of the server has been here.
    #[error(
        "keyspace {keyspace} has schema {found}, this server knows up to {known}: run the version that wrote it, or a newer one"
    )]
    NewerSchema {
        /// The keyspace.
        keyspace: String,
        /// Its schema.
        found: i32,
        /// The newest that this server knows.
        known: i32,
    },
    /// It is only to be looked at, and needs a migration.
    #[error(
        "keyspace {keyspace} has schema {found}, this command needs {known}: start the server once to bring it up to date"
    )]
    OlderSchema {
        /// The keyspace.
        keyspace: String,
        /// Its schema.
        found: i32,
        /// The schema of this version.
        known: i32,
    },
    /// Conditional writes do not work here.
    #[error(
        "the cluster does no conditional writes in keyspace {keyspace}: {reason}; where that is because of tablets, \
         update ScyllaDB, or drop the keyspace and make it with tablets = {{'enabled': false}}"
    )]
    Conditional {
        /// The keyspace.
        keyspace: String,
        /// The cluster's words.
        reason: String,
    },
    /// Another process serves from it.
    #[error(
        "keyspace {keyspace} is in use by process {pid} on {host} since {since}: stop that one first, or wait {life} s \
         if it died just now"
    )]
    InUse {
        /// The keyspace.
        keyspace: String,
        /// The process's id.
        pid: u32,
        /// Its machine or container.
        host: String,
        /// Since when it has been there, by its own clock.
        since: String,
        /// How many seconds a process that died is taken for alive.
        life: u64,
    },
    /// The cluster refused something, or gave no answer.
    #[error("cannot {doing}: {reason}")]
    Failed {
        /// What was tried.
        doing: String,
        /// The cluster's words.
        reason: String,
    },
}

/// Opens a keyspace; makes it and its tables where they are not there.
pub(super) async fn open(options: &CqlOptions) -> Result<Arc<Cluster>, OpenError> {
    options.check()?;
    let profiles = Profiles::new(options);
    let session = connect(options, &profiles).await?;
    probe::datacenter(&session, options)?;
    probe::clock(&session, options).await?;
    probe::replicas(&session, options).await?;
    let cluster = Cluster::new(session, options, profiles, CqlMetrics::register());
    let lease = migrate::bring_up(&cluster, options).await?;
    let cluster = Arc::new(cluster);
    *cluster.keeper.lock() = lease.map(|lease| Keeper::start(&cluster, lease));
    Ok(cluster)
}
