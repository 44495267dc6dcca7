//! A simulated server: one life of a process after another on the same disk.

use std::{path::PathBuf, sync::Arc, time::Duration};

use playhouse_actors::{
    Node, NodeConfig,
    accounts::Cost,
    clock::WallClock,
    node::StartError,
    room::message::{FoundRoom, SendEvent},
};
use playhouse_rules::{EventFrame, PduBuilder, RoomVersion};
use playhouse_storage::{
    Store,
    backends::memory::{Adversity, MemoryBackend, MemoryDisk},
    store::put,
    tables::{Device, device::DeviceRow},
};
use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedRoomId, OwnedUserId, RoomVersionId, UInt, UserId,
    events::TimelineEventType, owned_server_name,
};
use serde_json::{json, value::to_raw_value};
use tokio::time::Instant;

/// Where virtual time starts, in milliseconds since the epoch.
const EPOCH_MS: u64 = 1_700_000_000_000;

/// Tokio's paused clock as wall time.
#[derive(Debug)]
pub struct VirtualClock(Instant);

impl VirtualClock {
    /// A clock that starts now.
    pub fn start() -> Arc<Self> {
        Arc::new(Self(Instant::now()))
    }
}

impl WallClock for VirtualClock {
    fn now_ms(&self) -> u64 {
        EPOCH_MS + self.0.elapsed().as_millis() as u64
    }
}

/// What survives a process: the disk, the signing key, time itself.
#[derive(Debug)]
pub struct Machine {
    disk: MemoryDisk,
    key: PathBuf,
    clock: Arc<VirtualClock>,
    _folder: tempfile::TempDir,
}

/// One life of the server.
pub struct Life {
    /// The node.
    pub node: Arc<Node>,
    /// Its hold on the store, to kill it by.
    pub backend: MemoryBackend,
}

impl Machine {
    /// A machine with an empty disk.
    ///
    /// # Panics
    /// If there is no folder for temporary files.
    pub fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self {
            disk: MemoryBackend::new(seed, Adversity::none()).disk(),
            key: folder.path().join("signing.key"),
            clock: VirtualClock::start(),
            _folder: folder,
        }
    }

    /// Starts a process; it dies at its `crash_at`th step on the store.
    ///
    /// # Errors
    /// When it dies before it is up.
    pub async fn start(&self, adversity: Adversity, crash_at: Option<u64>) -> Result<Life, StartError> {
        let backend = MemoryBackend::open(&self.disk, adversity);
        if let Some(step) = crash_at {
            backend.crash_at(step);
        }
        let mut config = NodeConfig::new(owned_server_name!("sim.example"), self.key.clone());
        config.wall = Arc::clone(&self.clock) as Arc<dyn WallClock>;
        // Nobody logs in, and every start hashes a password.
        config.accounts.password_cost = Cost::Test;
        let node = Node::start(Store::new(backend.clone()), config).await?;
        Ok(Life { node, backend })
    }
}

impl Life {
    /// Ends the process without a warning.
    pub async fn kill(self) {
        self.backend.crash();
        self.node.shutdown(Duration::ZERO).await;
    }

    /// Gives a user a device, so that to-device messages have somewhere to go.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn add_device(&self, user: &UserId, device: &str) -> Result<(), playhouse_storage::StoreError> {
        let row = DeviceRow::default();
        self.node.store().write(vec![put::<Device>((user.as_str(),), (device,), &row, 1)]).await
    }

    /// Founds a public room, unless a life before this one did.
    ///
    /// # Errors
    /// When it could not be founded; it may then exist nevertheless.
    ///
    /// # Panics
    /// If the create event cannot be built.
    pub async fn found_room(&self, creator: &UserId, salt: u64) -> Result<OwnedRoomId, String> {
        let version = RoomVersion::get(&RoomVersionId::V12).expect("version 12 is supported");
        let content = to_raw_value(&json!({"room_version": "12", "salt": salt})).expect("JSON");
        let builder = PduBuilder {
            kind: TimelineEventType::RoomCreate,
            state_key: Some(String::new()),
            content,
            redacts: None,
        };
        let frame = EventFrame {
            version,
            room_id: None,
            sender: creator,
            prev_events: &[],
            auth_events: &[],
            depth: 1,
            origin_server_ts: MilliSecondsSinceUnixEpoch(UInt::new_saturating(EPOCH_MS)),
        };
        let create = builder.build(&frame, &**self.node.key()).map_err(|error| error.to_string())?;
        let room_id = create.room_id().to_owned();
        if self.node.rooms().view(&room_id).await.is_ok() {
            return Ok(room_id);
        }
        let events = vec![
            state(creator, "m.room.member", creator.as_str(), &json!({"membership": "join"})),
            state(creator, "m.room.power_levels", "", &json!({})),
            state(creator, "m.room.join_rules", "", &json!({"join_rule": "public"})),
            state(creator, "m.room.history_visibility", "", &json!({"history_visibility": "shared"})),
        ];
        let founded = self.node.rooms().handle(&room_id).found(version, FoundRoom { create, events }).await;
        founded.map_err(|error| error.to_string())?;
        Ok(room_id)
    }
}

/// A state event to send.
///
/// # Panics
/// Never: the content is JSON.
pub fn state(sender: &UserId, kind: &str, state_key: &str, content: &serde_json::Value) -> SendEvent {
    SendEvent {
        sender: sender.to_owned(),
        kind: kind.into(),
        state_key: Some(state_key.to_owned()),
        content: to_raw_value(content).expect("JSON"),
        redacts: None,
        transaction: None,
    }
}

/// A user of the simulated server.
///
/// # Panics
/// For a name that cannot be a localpart.
pub fn user(name: &str) -> OwnedUserId {
    OwnedUserId::try_from(format!("@{name}:sim.example")).expect("a user id")
}
