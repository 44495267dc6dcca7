//! Keeps the lease while the store is open, and is loud where it cannot.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{sync::Mutex, task::JoinHandle, time::Instant};

use super::{Attempt, LIFE, Lease, RENEW_EVERY};
use crate::backends::scylla::{OpenError, cluster::Cluster};

/// How often a trouble that lasts is told again.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// A lease that is renewed until it is given back, or the store is dropped.
#[derive(Debug)]
pub(in super::super) struct Keeper {
    lease: Arc<Mutex<Lease>>,
    renewing: JoinHandle<()>,
}

impl Keeper {
    /// Keeps a lease that is held.
    pub fn start(cluster: &Arc<Cluster>, lease: Lease) -> Self {
        let lease = Arc::new(Mutex::new(lease));
        cluster.metrics.lease_held(true);
        let renewing = tokio::spawn(renew(Arc::downgrade(cluster), Arc::clone(&lease)));
        Self { lease, renewing }
    }

    /// Gives the lease back.
    pub async fn end(self, cluster: &Cluster) {
        self.renewing.abort();
        cluster.metrics.lease_held(false);
        // Whoever was renewing it has dropped the lock, or does at its next step.
        let lease = self.lease.lock().await;
        if let Err(error) = lease.release(cluster).await {
            tracing::warn!(%error, "the lease on the keyspace is not given back: it runs out in {LIFE:?}");
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

async fn renew(cluster: Weak<Cluster>, lease: Arc<Mutex<Lease>>) {
    let mut watch = Watch { renewed: Instant::now(), told: None };
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        let Some(cluster) = cluster.upgrade() else { return };
        let began = Instant::now();
        match keep(&mut *lease.lock().await, &cluster).await {
            Ok(()) => watch.is_well(&cluster, began),
            Err(error @ OpenError::InUse { .. }) => {
                watch.tell(&cluster, &format!("another process has taken over: {error}"));
            }
            Err(error) if watch.renewed.elapsed() > LIFE => {
                watch.tell(&cluster, &format!("the lease on the keyspace cannot be renewed: {error}"));
            }
            Err(error) => tracing::debug!(%error, "the lease is not renewed"),
        }
    }
}

/// Renews a lease, or gets it back where it was lost.
async fn keep(lease: &mut Lease, cluster: &Cluster) -> Result<(), OpenError> {
    if lease.renew(cluster).await? || lease.attempt(cluster).await? == Attempt::Held {
        return Ok(());
    }
    Err(lease.in_the_way(cluster))
}

/// How it stands with the lease.
struct Watch {
    /// When the last renewal that went well began.
    renewed: Instant,
    /// When a trouble that lasts was told last.
    told: Option<Instant>,
}

impl Watch {
    fn is_well(&mut self, cluster: &Cluster, began: Instant) {
        self.renewed = began;
        if self.told.take().is_some() {
            cluster.metrics.lease_held(true);
            tracing::warn!(keyspace = cluster.keyspace, "this process holds the lease on the keyspace again");
        }
    }

    fn tell(&mut self, cluster: &Cluster, what: &str) {
        if self.told.is_none() {
            cluster.metrics.lease_held(false);
            cluster.metrics.leases_lost.increment(1);
        }
        if self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            self.told = Some(Instant::now());
            tracing::error!(
                keyspace = cluster.keyspace,
                "{what}; rooms stay whole, since each append is fenced, but only one process may serve from a keyspace"
            );
        }
    }
}
