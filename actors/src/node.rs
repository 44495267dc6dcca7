//! A node: everything of one process, wired.

use std::{path::PathBuf, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use playhouse_federation::{Federation, Settings as FederationSettings, server_key::ServerKey};
use playhouse_rules::builder::EventSigner;
use playhouse_storage::{
    Outcome, Store, StoreError, offline,
    store::put,
    tables::{ActiveRoom, Server, Slot as SlotTable, server::ServerRow, slot::SlotRow},
};
use ruma::{OwnedServerName, RoomVersionId, ServerName};

use crate::{
    account_events::AccountEvents,
    accounts::{AccountSettings, Accounts},
    clock::{SLOTS, SlotClocks, SystemClock, WallClock, ms_to_pos},
    edus::{self, EarlyReceipts},
    erasure::ErasedUsers,
    federation::KeyTable,
    history::Filling,
    hub::{self, DeviceChangeLog, HubHandle},
    inbound::{self, Gates},
    ingest::Ingest,
    metrics::Metrics,
    outbound::Outbound,
    public_rooms::PublicRooms,
    room::{RoomError, Rooms, machine::Workshop},
    supervision::Supervision,
    token::TokenCodec,
    user::{Users, actor::UserContext, spread_profile},
};

/// What a node is started with.
pub struct NodeConfig {
    /// The server's name; never changes over the life of a store.
    pub server_name: OwnedServerName,
    /// The file with the server's signing keys; made if it is not there.
    pub signing_key: PathBuf,
    /// The version of new rooms where the client names none.
    pub default_room_version: RoomVersionId,
    /// How accounts and passwords are kept.
    pub accounts: AccountSettings,
    /// Memory for room views before rooms unused for longest are let go.
    pub room_bytes: usize,
    /// Memory for what lazy clients have been sent, before that of the users active longest ago is forgotten.
    pub sent_members_bytes: usize,
    /// How this server deals with others; `None` for not at all.
    pub federation: Option<FederationSettings>,
    /// Where time comes from.
    pub wall: Arc<dyn WallClock>,
}

impl NodeConfig {
    /// A configuration with the machine's clock.
    pub fn new(server_name: OwnedServerName, signing_key: PathBuf) -> Self {
        let accounts = AccountSettings::new(server_name.clone());
        Self {
            server_name,
            signing_key,
            accounts,
            default_room_version: RoomVersionId::V12,
            room_bytes: 512 << 20,
            sent_members_bytes: 32 << 20,
            federation: None,
            wall: Arc::new(SystemClock),
        }
    }
}

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store does not answer or cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store belongs to a server of another name.
    #[error(
        "the store belongs to server {stored}, not {configured}; use that name, or another data folder or keyspace"
    )]
    OtherServer {
        /// The name in the store.
        stored: String,
        /// The name in the configuration.
        configured: String,
    },
    /// The store is a copy that is not whole.
    #[error(
        "the store is a copy that was not finished: the same `playhouse store copy` again goes on with it; or empty it"
    )]
    HalfCopied,
    /// The signing key cannot be had.
    #[error(transparent)]
    Key(#[from] playhouse_federation::server_key::ServerKeyError),
    /// There are no dealings with other servers as configured.
    #[error("federation: {0}")]
    Federation(#[from] playhouse_federation::StartError),
    /// What is to be sent to other servers cannot be read.
    #[error("what is to be sent to other servers: {0}")]
    Outbound(#[from] RoomError),
    /// The runtime cannot start actors.
    #[error("cannot start the actors: {0}")]
    Actors(#[from] Box<ractor::SpawnErr>),
    /// The machine gives no random bytes.
    #[error("no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

/// How far ahead of the clock positions may be issued before the limit is persisted again.
const LIMIT_AHEAD: Duration = Duration::from_secs(20);
/// Milliseconds of positions beyond the limit that a process starting later skips: a slot that is busy at the limit counts
/// on past it.
const LIMIT_SLACK_MS: u64 = 1_000;
/// How often the limit is looked at.
const LIMIT_INTERVAL: Duration = Duration::from_secs(5);
/// How often it is persisted how far other servers were sent things.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(5);
/// How often the memory that rooms hold is compared with what they may hold.
const PASSIVATION_INTERVAL: Duration = Duration::from_secs(10);
/// How often the replay of a room is tried at the start, and the pause between.
const REPLAY_ATTEMPTS: u32 = 20;
const REPLAY_PAUSE: Duration = Duration::from_millis(100);
/// How many rooms are replayed at once at the start. Each waits for the store most of the time.
const REPLAYS_AT_ONCE: usize = 32;
/// How long a room or a user stream may be unused before it is let go.
const IDLE: Duration = Duration::from_mins(10);

/// The actors of this process and what they share.
pub struct Node {
    config: NodeConfig,
    store: Store,
    clocks: Arc<SlotClocks>,
    tokens: TokenCodec,
    key: Arc<ServerKey>,
    federation: Option<Arc<Federation>>,
    hub: HubHandle,
    rooms: Rooms,
    ingest: Ingest,
    inbound_gates: Gates,
    early_receipts: EarlyReceipts,
    filling: Filling,
    outbound: Option<Arc<Outbound>>,
    users: Users,
    accounts: Accounts,
    erased_users: Arc<ErasedUsers>,
    public_rooms: PublicRooms,
    metrics: Arc<Metrics>,
    chores: parking_lot::Mutex<Vec<tokio::task::JoinHandle<()>>>,
}

impl Node {
    /// Starts a node on a store.
    ///
    /// # Errors
    /// [`StartError`]: nothing runs then.
    pub async fn start(store: Store, mut config: NodeConfig) -> Result<Arc<Self>, StartError> {
        claim_name(&store, &config.server_name).await?;
        let tokens = TokenCodec::new(token_secret(&store).await?);
        let (key, _) = ServerKey::load_or_create(&config.signing_key, config.server_name.clone())?;
        let key = Arc::new(key);
        let federation = match config.federation.take() {
            Some(settings) => Some(start_federation(settings, &key, &store, &config.wall)?),
            None => None,
        };
        let clocks = start_clocks(&store, Arc::clone(&config.wall)).await?;
        let metrics = Metrics::new();
        let supervision = Supervision::start().await.map_err(Box::new)?;
        let hub = hub::actor::start(&supervision, &metrics).await.map_err(Box::new)?;
        let signer: Arc<dyn EventSigner> = Arc::clone(&key) as _;
        let workshop = Workshop { signer, clocks: Arc::clone(&clocks) };
        let rooms =
            Rooms::new(store.clone(), workshop, hub.clone(), supervision.clone(), Arc::clone(&metrics));
        let device_changes = Arc::new(DeviceChangeLog::new(clocks.closed()));
        let context = UserContext {
            store: store.clone(),
            clocks: Arc::clone(&clocks),
            hub: hub.clone(),
            device_changes,
            rule_sets: Arc::default(),
            metrics: Arc::clone(&metrics),
        };
        let users = Users::new(context, supervision.clone());
        let outbound = federation.as_ref().map(|federation| {
            let (us, store, rooms) = (config.server_name.clone(), store.clone(), rooms.clone());
            let (clocks, federation) = (Arc::clone(&clocks), Arc::clone(federation));
            Outbound::start(us, store, rooms, clocks, federation, supervision.clone())
        });
        if let Some(outbound) = &outbound {
            hub.hub().announces_to(outbound);
        }
        let ingest =
            Ingest::new(store.clone(), rooms.clone(), Arc::clone(&clocks), supervision, federation.clone());
        let erased_users = Arc::new(ErasedUsers::load(&store).await?);
        let events = Arc::new(AccountEvents::new(rooms.clone(), users.clone(), Arc::clone(&erased_users)));
        let accounts = Accounts::new(store.clone(), Arc::clone(&clocks), config.accounts.clone(), events);
        let (public_rooms, chores) = (PublicRooms::default(), parking_lot::Mutex::default());
        let node = Arc::new(Self {
            config,
            store,
            clocks,
            tokens,
            key,
            federation,
            hub,
            rooms,
            ingest,
            inbound_gates: Gates::default(),
            early_receipts: EarlyReceipts::default(),
            filling: Filling::default(),
            outbound,
            users,
            accounts,
            erased_users,
            public_rooms,
            metrics,
            chores,
        });
        node.recover().await?;
        if let Some(outbound) = &node.outbound {
            inbound::inbox::resume(&node).await?;
            outbound.resume().await?;
        }
        node.start_chores();
        Ok(node)
    }

    /// The server's name.
    pub fn server_name(&self) -> &ServerName {
        &self.config.server_name
    }

    /// The version of new rooms where the client names none.
    pub const fn default_room_version(&self) -> &RoomVersionId {
        &self.config.default_room_version
    }

    /// The store, for reads beside the actors.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The slot clocks.
    pub const fn clocks(&self) -> &Arc<SlotClocks> {
        &self.clocks
    }

    /// Makes and reads sync tokens.
    pub const fn tokens(&self) -> &TokenCodec {
        &self.tokens
    }

    /// The server's signing key.
    pub const fn key(&self) -> &Arc<ServerKey> {
        &self.key
    }

    /// The other servers; `None` where this one has no dealings with them.
    pub const fn federation(&self) -> Option<&Arc<Federation>> {
        self.federation.as_ref()
    }

    /// The hub.
    pub const fn hub(&self) -> &HubHandle {
        &self.hub
    }

    /// The rooms.
    pub const fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    /// Where events from elsewhere come in.
    pub const fn ingest(&self) -> &Ingest {
        &self.ingest
    }

    /// What goes to other servers; `None` where this one has no dealings with them.
    pub const fn outbound(&self) -> Option<&Arc<Outbound>> {
        self.outbound.as_ref()
    }

    /// Where other servers' transactions wait for those before them.
    pub(crate) const fn inbound_gates(&self) -> &Gates {
        &self.inbound_gates
    }

    /// Other servers' receipts that wait for their events.
    pub(crate) const fn early_receipts(&self) -> &EarlyReceipts {
        &self.early_receipts
    }

    /// Rooms whose gaps are being filled.
    pub(crate) const fn filling(&self) -> &Filling {
        &self.filling
    }

    /// The user streams.
    pub const fn users(&self) -> &Users {
        &self.users
    }

    /// The accounts.
    pub const fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Users who asked to be erased.
    pub fn erased_users(&self) -> &ErasedUsers {
        &self.erased_users
    }

    /// What the public directory remembers.
    pub(crate) const fn public_rooms(&self) -> &PublicRooms {
        &self.public_rooms
    }

    /// The metrics of the actors.
    pub const fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Whether the store would acknowledge a write now.
    ///
    /// # Errors
    /// The store's own word.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.store.backend().ready().await
    }

    /// Finishes what was admitted, stops the actors and closes the store, within `grace`.
    pub async fn shutdown(&self, grace: Duration) {
        let deadline = tokio::time::Instant::now() + grace;
        for chore in self.chores.lock().drain(..) {
            chore.abort();
        }
        self.ingest.shutdown(deadline).await;
        self.rooms.shutdown(deadline).await;
        self.users.shutdown(deadline).await;
        if let Some(outbound) = &self.outbound {
            outbound.shutdown(deadline).await;
            self.checkpoint_outbound().await;
        }
        self.store.backend().close().await;
    }

    /// Replays the rooms that were active when the process before ended, where a crash may have left something undone.
    /// Nothing is answered before: a position discovered later would lie below tokens given out. In no order: what a
    /// replay writes is stamped by the log, so it does not matter which room is first.
    ///
    /// # Errors
    /// When the store does not answer for one of the rooms, again and again. A room that cannot be read is left out.
    async fn recover(&self) -> Result<(), StoreError> {
        if self.store.backend().atomic_projections() {
            return Ok(());
        }
        stream::iter(0..SLOTS as i64)
            .map(|slot| self.store.all::<ActiveRoom>((slot,), ()))
            .buffer_unordered(REPLAYS_AT_ONCE)
            .map_ok(|rooms| stream::iter(rooms.into_iter().map(Ok)))
            .try_flatten()
            .try_for_each_concurrent(REPLAYS_AT_ONCE, |((room,), _)| async {
                match ruma::OwnedRoomId::try_from(room) {
                    Ok(room_id) => self.replay(&room_id).await,
                    Err(_) => Ok(()),
                }
            })
            .await
    }

    async fn replay(&self, room_id: &ruma::RoomId) -> Result<(), StoreError> {
        for _ in 0..REPLAY_ATTEMPTS {
            match self.rooms.view(room_id).await {
                // It may have been about to be founded, and was not.
                Ok(_) | Err(RoomError::UnknownRoom) => return Ok(()),
                Err(RoomError::Unavailable { .. }) => tokio::time::sleep(REPLAY_PAUSE).await,
                Err(error) => {
                    tracing::error!(%error, "a room could not be replayed");
                    return Ok(());
                }
            }
        }
        let reason = "a room could not be replayed".to_owned();
        Err(StoreError::Unavailable { reason, retry_after: REPLAY_PAUSE })
    }

    fn start_chores(self: &Arc<Self>) {
        let limit = every(LIMIT_INTERVAL, self, |node| async move { node.raise_limit().await });
        let typing = every(Duration::from_secs(1), self, |node| async move { node.rooms.tick() });
        let retries = every(Duration::from_secs(1), self, |node| async move {
            if let Some(outbound) = &node.outbound {
                outbound.tick();
            }
            edus::try_receipts_again(&node).await;
        });
        let checkpoints =
            every(CHECKPOINT_INTERVAL, self, |node| async move { node.checkpoint_outbound().await });
        let reports = every(Duration::from_secs(5), self, |node| async move {
            node.rooms.report();
            node.ingest.report();
            if let Some(outbound) = &node.outbound {
                outbound.report();
            }
            node.users.report();
            node.metrics.oldest_open_position.set(node.clocks.oldest_open());
        });
        let passivation = every(PASSIVATION_INTERVAL, self, |node| async move {
            node.rooms.passivate(IDLE, node.config.room_bytes);
            node.ingest.passivate(IDLE);
            if let Some(outbound) = &node.outbound {
                outbound.passivate(IDLE);
            }
            node.users.passivate(IDLE, node.config.sent_members_bytes);
        });
        let node = Arc::clone(self);
        let spreads = tokio::spawn(async move { spread_profile::resume(&node).await });
        self.chores.lock().extend([limit, typing, retries, checkpoints, reports, passivation, spreads]);
    }

    async fn checkpoint_outbound(&self) {
        let Some(outbound) = &self.outbound else { return };
        if let Err(error) = outbound.checkpoint().await {
            tracing::warn!(%error, "how far other servers were sent things is not remembered");
        }
    }

    async fn raise_limit(&self) {
        if let Err(error) = persist_limit(&self.store, &self.clocks).await {
            tracing::warn!(%error, "the limit of stream positions could not be raised");
        }
    }
}

/// Runs a chore on an interval while the node lives.
fn every<F, Fut>(interval: Duration, node: &Arc<Node>, chore: F) -> tokio::task::JoinHandle<()>
where
    F: Fn(Arc<Node>) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let node = Arc::downgrade(node);
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(node) = node.upgrade() else { return };
            chore(node).await;
        }
    })
}

async fn claim_name(store: &Store, name: &ServerName) -> Result<(), StartError> {
    if offline::is_half_copied(store).await? {
        return Err(StartError::HalfCopied);
    }
    let stored = remember(store, "server_name", || Ok(name.to_string())).await?;
    if stored == name.as_str() {
        return Ok(());
    }
    Err(StartError::OtherServer { stored, configured: name.to_string() })
}

async fn token_secret(store: &Store) -> Result<[u8; 32], StartError> {
    use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
    let stored = remember(store, "token_secret", || {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        Ok(STANDARD_NO_PAD.encode(secret))
    })
    .await?;
    let bytes = STANDARD_NO_PAD.decode(&stored).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| StoreError::corrupt("server", "token_secret is not 32 bytes of base64").into())
}

/// The stored fact `name`; the first start makes it.
async fn remember(
    store: &Store,
    name: &str,
    make: impl FnOnce() -> Result<String, getrandom::Error>,
) -> Result<String, StartError> {
    if let Some(row) = store.get::<Server>((name,), ()).await? {
        return Ok(row.value);
    }
    let row = ServerRow { value: make()? };
    let made = store.insert_if_absent::<Server>((name,), (), &row, Vec::new()).await?;
    if made == Outcome::Applied {
        return Ok(row.value);
    }
    // Another process was first, or nobody knows.
    let stored = store.get::<Server>((name,), ()).await?;
    let unsettled = || StoreError::Unavailable {
        reason: format!("no answer whether {name} was stored; start again"),
        retry_after: Duration::from_secs(1),
    };
    Ok(stored.ok_or_else(unsettled)?.value)
}

/// Clocks that issue above what the process before may have issued.
fn start_federation(
    settings: FederationSettings,
    key: &Arc<ServerKey>,
    store: &Store,
    wall: &Arc<dyn WallClock>,
) -> Result<Arc<Federation>, playhouse_federation::StartError> {
    let wall = Arc::clone(wall);
    let now = Arc::new(move || wall.now_ms());
    let memory = Arc::new(KeyTable::new(store.clone()));
    Federation::new(settings, Arc::clone(key), memory, now).map(Arc::new)
}

async fn start_clocks(store: &Store, wall: Arc<dyn WallClock>) -> Result<Arc<SlotClocks>, StoreError> {
    let mut floor = 0;
    for slot in 0..SLOTS as i64 {
        let row = store.get::<SlotTable>((slot,), ()).await?;
        floor = floor.max(row.map_or(0, |row: SlotRow| row.pos_limit));
    }
    let clocks = SlotClocks::new(wall, floor);
    persist_limit(store, &clocks).await?;
    Ok(clocks)
}

/// Persists how far positions may go, then lets them.
async fn persist_limit(store: &Store, clocks: &Arc<SlotClocks>) -> Result<(), StoreError> {
    let Some(limit_ms) = clocks.limit_to_persist(LIMIT_AHEAD) else { return Ok(()) };
    let row = SlotRow { pos_limit: ms_to_pos(limit_ms + LIMIT_SLACK_MS) };
    let writes = (0..SLOTS as i64).map(|slot| put::<SlotTable>((slot,), (), &row, row.pos_limit)).collect();
    store.write(writes).await?;
    clocks.set_limit(limit_ms);
    Ok(())
}
