//! What all requests share: the route table, the limits, the configuration, the actors.

use std::{sync::Arc, time::Duration};

use metrics_exporter_prometheus::PrometheusHandle;
use playhouse_actors::Node;
use tokio::sync::watch;

use crate::{
    config::Config,
    limits::Limits,
    nonce::Nonces,
    router::{Clash, Router},
    routes,
    uia::Uia,
};

/// How often buckets that are full again and sessions that are over are forgotten.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// The gateway of a process.
pub struct Gateway {
    /// The actors.
    pub node: Arc<Node>,
    /// The configuration.
    pub config: Arc<Config>,
    /// Rate limits.
    pub limits: Limits,
    /// Sessions of user-interactive authentication.
    pub uia: Uia,
    /// Nonces of shared-secret registration.
    pub nonces: Nonces,
    /// The route table.
    pub router: Router,
    /// The recorder that `/metrics` renders.
    pub metrics: Option<PrometheusHandle>,
    stage: watch::Sender<Stage>,
}

/// Where the process is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Answering.
    Serving,
    /// No new connections; what waits for news is answered at once.
    Draining,
    /// What is still in flight is refused.
    Refusing,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gateway({})", self.config.server_name)
    }
}

impl Gateway {
    /// A gateway before `node`.
    ///
    /// # Errors
    /// [`Clash`]: the route table is wrong.
    pub fn new(
        config: Arc<Config>,
        node: Arc<Node>,
        metrics: Option<PrometheusHandle>,
    ) -> Result<Self, Clash> {
        Ok(Self {
            limits: Limits::new(&config.rate_limits),
            uia: Uia::default(),
            nonces: Nonces::default(),
            router: Router::new(routes::table())?,
            stage: watch::Sender::new(Stage::Serving),
            metrics,
            node,
            config,
        })
    }

    /// Moves on in the life of the process.
    pub fn enter(&self, stage: Stage) {
        self.stage.send_replace(stage);
    }

    /// Returns once the process has come as far as `stage`.
    pub async fn reached(&self, stage: Stage) {
        let mut stages = self.stage.subscribe();
        // The sender lives in `self`, so the wait cannot fail before it ends.
        let _ = stages.wait_for(|now| *now >= stage).await;
    }

    /// Forgets what is over, again and again.
    pub async fn sweep(&self) {
        loop {
            tokio::time::sleep(SWEEP_EVERY).await;
            self.limits.forget_full();
            self.uia.forget_expired();
        }
    }
}
