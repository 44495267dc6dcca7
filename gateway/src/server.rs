//! A server from its configuration to its end.

use std::{path::PathBuf, sync::Arc, time::Duration};

use metrics_exporter_prometheus::PrometheusHandle;
use playhouse_actors::{
    Node, NodeConfig,
    accounts::{AccountSettings, Cost, SESSION_BYTES},
    node::StartError as NodeError,
};
use playhouse_storage::{
    Store,
    backends::{Adversity, CqlBackend, CqlOptions, FjallBackend, FjallOptions, MemoryBackend, fjall, scylla},
};
use tokio::task::JoinSet;

use crate::{
    Gateway,
    config::{self, Config, Part, PasswordCost, StoreKind},
    gateway::Stage,
    listener::{ListenError, Listener, tls},
    log::Level,
    metrics, router, signals, systemd,
};

/// How long requests in flight have to end by themselves after SIGTERM.
const DRAIN: Duration = Duration::from_secs(6);

/// How long refusals have to reach the clients.
const REFUSE: Duration = Duration::from_secs(1);

/// How long the actors and the store have to finish. All three together stay below ten seconds.
const FINISH: Duration = Duration::from_secs(2);

/// Of the memory for caches, the share of the embedded store's block cache.
const STORE_SHARE: u64 = 4;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store's folder cannot be opened.
    #[error("cannot open the store in {}: {error}", path.display())]
    Store {
        /// The folder.
        path: PathBuf,
        /// Why.
        error: fjall::OpenError,
    },
    /// There is no store in the data folder.
    #[error("there is no store in {}", path.display())]
    NoStore {
        /// The store's folder.
        path: PathBuf,
    },
    /// The keyspace cannot be opened.
    #[error("cannot open the store: {0}")]
    Cluster(#[from] scylla::OpenError),
    /// The data folder cannot be made.
    #[error("cannot create {}: {error}", path.display())]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The actors did not start.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A listener could not be opened.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A mistake in the route table.
    #[error(transparent)]
    Routes(#[from] router::Clash),
    /// Signals or metrics of this process are taken by something else.
    #[error("{0}")]
    Process(String),
}

/// A server whose listeners are open.
#[derive(Debug)]
pub struct Server {
    gateway: Arc<Gateway>,
    listeners: Vec<Listener>,
}

impl Server {
    /// Opens the store, starts the actors, binds the listeners. Nothing but how far it is can be asked before
    /// [`run`](Self::run).
    ///
    /// # Errors
    /// [`StartError`] says what is in the way.
    pub async fn start(config: Config, metrics: Option<PrometheusHandle>) -> Result<Self, StartError> {
        let node = Box::pin(start_node(&config));
        let mut left = metrics_listener(&config);
        // Where its address is taken, the store may know better why: it is asked again below.
        let early = match &left {
            Some(listener) => Listener::open(listener).await.ok(),
            None => None,
        };
        let node: Result<_, StartError> = match (&early, &metrics) {
            (Some(listener), Some(handle)) => listener.answer_during(handle, node).await,
            _ => node.await,
        };
        let node = node?;
        let mut listeners = Vec::from_iter(early);
        left.take_if(|_| !listeners.is_empty());
        for listener in config.listeners.iter().chain(&left) {
            listeners.push(Listener::open(listener).await?);
        }
        let gateway = Arc::new(Gateway::new(Arc::new(config), node, metrics)?);
        Ok(Self { gateway, listeners })
    }

    /// Answers until SIGTERM or SIGINT, then drains. SIGHUP reads certificates and the log level again.
    ///
    /// # Errors
    /// The signals of this process cannot be had.
    pub async fn run(self, reload: Reload) -> Result<(), StartError> {
        let mut signals = signals::Signals::new().map_err(|error| StartError::Process(error.to_string()))?;
        let certificates: Vec<_> = self.listeners.iter().filter_map(Listener::tls).collect();
        let mut chores = JoinSet::new();
        chores.spawn(watch_certificates(certificates.clone()));
        let gateway = Arc::clone(&self.gateway);
        chores.spawn(async move { gateway.sweep().await });

        let mut serving = JoinSet::new();
        for listener in self.listeners {
            tracing::info!(address = listener.describe(), "listening");
            serving.spawn(listener.run(Arc::clone(&self.gateway)));
        }
        systemd::notify("READY=1");
        while let signals::Signal::Reload = signals.next().await {
            tracing::info!("reading certificates and log level again");
            for tls in &certificates {
                tls.reload();
            }
            reload.run();
        }
        stop(&self.gateway, serving).await;
        Ok(())
    }
}

/// What SIGHUP reads again besides certificates.
#[derive(Debug)]
pub struct Reload {
    /// Where the configuration is.
    pub config: Option<PathBuf>,
    /// The log's level.
    pub level: Level,
}

impl Reload {
    fn run(&self) {
        match config::load(self.config.as_deref()) {
            Ok(config) => self.level.set(&config.log.level),
            Err(error) => {
                tracing::error!(%error, "the configuration cannot be read again; all stays as it is");
            }
        }
    }
}

async fn stop(gateway: &Gateway, mut serving: JoinSet<()>) {
    systemd::notify("STOPPING=1");
    tracing::info!("stopping");
    gateway.enter(Stage::Draining);
    let drained = async { while serving.join_next().await.is_some() {} };
    tokio::pin!(drained);
    if tokio::time::timeout(DRAIN, &mut drained).await.is_err() {
        gateway.enter(Stage::Refusing);
        let _ = tokio::time::timeout(REFUSE, &mut drained).await;
    }
    gateway.node.shutdown(FINISH).await;
    tracing::info!("stopped");
}

async fn watch_certificates(certificates: Vec<Arc<tls::Tls>>) {
    loop {
        if let Some(first) = certificates.iter().filter_map(|tls| tls.not_after()).min() {
            metrics::certificate_ends(first);
        }
        tokio::time::sleep(tls::LOOK_EVERY).await;
        for tls in &certificates {
            tls.reload_if_changed();
        }
    }
}

/// The listener for metrics, which has an address of its own.
fn metrics_listener(config: &Config) -> Option<config::Listener> {
    config.metrics.address.clone().map(|address| config::Listener {
        address,
        parts: vec![Part::Metrics, Part::Health],
        ..config::Listener::default()
    })
}

/// Opens the store and starts the actors on it; gives the store back where they do not start.
async fn start_node(config: &Config) -> Result<Arc<Node>, StartError> {
    let store = open_store(config).await?;
    match Node::start(store.clone(), node_config(config)).await {
        Ok(node) => Ok(node),
        Err(error) => {
            store.backend().close().await;
            Err(error.into())
        }
    }
}

/// Opens the configured store, on which no other process may run; makes it where it is not there.
///
/// # Errors
/// Its folder or its keyspace cannot be made or opened, or another process has it.
pub async fn open_store(config: &Config) -> Result<Store, StartError> {
    let data_dir = || config.data_dir.clone();
    std::fs::create_dir_all(&config.data_dir)
        .map_err(|error| StartError::DataDir { path: data_dir(), error })?;
    match config.store {
        StoreKind::Memory => Ok(Store::new(MemoryBackend::new(0, Adversity::none()))),
        StoreKind::Fjall => {
            let options = FjallOptions { cache_bytes: store_bytes(config), ..FjallOptions::default() };
            let path = store_path(config);
            let opened =
                FjallBackend::open(&path, options).map_err(|error| StartError::Store { path, error })?;
            Ok(Store::new(opened))
        }
        StoreKind::Scylla => {
            let options = CqlOptions { alone: true, ..config.scylla.options() };
            Ok(Store::new(CqlBackend::open(&options).await?))
        }
    }
}

/// Who else may have a store open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    /// Nobody.
    Alone,
    /// Anybody, where the store can be shared.
    Shared,
}

/// Opens the configured store, which must be there: looking at one must not make one.
///
/// # Errors
/// It is not there, or cannot be opened.
pub async fn find_store(config: &Config, company: Company) -> Result<Store, StartError> {
    let path = store_path(config);
    match config.store {
        StoreKind::Scylla => {
            let alone = company == Company::Alone;
            let options = CqlOptions { make: false, alone, ..config.scylla.options() };
            Ok(Store::new(CqlBackend::open(&options).await?))
        }
        StoreKind::Fjall if path.is_dir() => open_store(config).await,
        StoreKind::Fjall | StoreKind::Memory => Err(StartError::NoStore { path }),
    }
}

/// What the embedded store's cache takes of the memory for caches. The rest is for rooms, sessions and lazy
/// clients.
const fn store_bytes(config: &Config) -> u64 {
    match config.store {
        StoreKind::Fjall => config.memory_limit.bytes() / STORE_SHARE,
        StoreKind::Scylla | StoreKind::Memory => 0,
    }
}

/// The embedded store's folder.
pub fn store_path(config: &Config) -> PathBuf {
    config.data_dir.join("store")
}

/// What the actors need to know of the configuration.
pub fn node_config(config: &Config) -> NodeConfig {
    let key = config.data_dir.join("signing.key");
    let caches = config.memory_limit.bytes() - store_bytes(config);
    let session_bytes = caches / 16;
    let sent_members_bytes = caches / 16;
    NodeConfig {
        accounts: account_settings(config, session_bytes),
        default_room_version: config.default_room_version.clone(),
        federation: config.federation.settings(),
        room_bytes: usize::try_from(caches - session_bytes - sent_members_bytes).unwrap_or(usize::MAX),
        sent_members_bytes: usize::try_from(sent_members_bytes).unwrap_or(usize::MAX),
        ..NodeConfig::new(config.server_name.clone(), key)
    }
}

fn account_settings(config: &Config, session_bytes: u64) -> AccountSettings {
    let tokens = config.registration.tokens.iter();
    AccountSettings {
        password_cost: match config.passwords.cost {
            PasswordCost::Interactive => Cost::Interactive,
            PasswordCost::Test => Cost::Test,
        },
        refreshable_token_lifetime: config.sessions.refreshable_token_lifetime.duration(),
        login_token_lifetime: config.sessions.login_token_lifetime.duration(),
        registration_tokens: tokens.map(|token| (token.token.clone(), token.uses)).collect(),
        cached_sessions: usize::try_from(session_bytes / SESSION_BYTES).unwrap_or(usize::MAX),
        ..AccountSettings::new(config.server_name.clone())
    }
}

/// Installs the recorder of metrics, where a listener or the configuration wants one, and keeps it.
///
/// # Errors
/// The process has a recorder already.
pub fn start_metrics(config: &Config) -> Result<Option<PrometheusHandle>, StartError> {
    let is_asked_for = config.listeners.iter().any(|listener| listener.parts.contains(&Part::Metrics));
    if config.metrics.address.is_none() && !is_asked_for {
        return Ok(None);
    }
    let handle = metrics::install().map_err(|error| StartError::Process(error.to_string()))?;
    metrics::memory_limit(config.memory_limit.bytes());
    tokio::spawn(metrics::upkeep(handle.clone(), config.data_dir.clone()));
    Ok(Some(handle))
}
