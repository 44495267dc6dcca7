//! Metrics of the actors. Handles are made once; labels come from closed sets.

mod describe;

use std::sync::Arc;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
pub use playhouse_storage::metrics::{Timed, Timer};

use crate::room::RoomEvent;

/// The kinds of actors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A room.
    Room,
    /// A room's ingest.
    Ingest,
    /// A destination.
    Destination,
    /// A user's stream.
    User,
    /// A shard of the node hub.
    Hub,
}

impl ActorKind {
    /// The label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Room => "room",
            Self::Ingest => "ingest",
            Self::Destination => "destination",
            Self::User => "user",
            Self::Hub => "hub",
        }
    }
}

/// Metrics of one kind of actor.
#[derive(Clone)]
pub struct KindMetrics {
    /// Actors alive.
    pub alive: Gauge,
    /// Messages admitted and not answered yet.
    pub waiting: Gauge,
    /// Actors that failed and were let go.
    pub failures: Counter,
    /// Actors that reload after a lost commit.
    pub reloads: Counter,
    /// Times that an id was quarantined.
    pub quarantines: Counter,
    /// Ids that are quarantined now.
    pub quarantined: Gauge,
    /// Requests refused because the mailbox was full.
    pub refused: Counter,
}

impl KindMetrics {
    /// The handles of a kind.
    pub fn of(kind: ActorKind) -> Self {
        let kind = kind.label();
        Self {
            alive: gauge!("playhouse_actors", "kind" => kind),
            waiting: gauge!("playhouse_actor_mailbox_messages", "kind" => kind),
            failures: counter!("playhouse_actor_failures_total", "kind" => kind),
            reloads: counter!("playhouse_actor_reloads_total", "kind" => kind),
            quarantines: counter!("playhouse_actor_quarantines_total", "kind" => kind),
            quarantined: gauge!("playhouse_actors_quarantined", "kind" => kind),
            refused: counter!("playhouse_actor_admission_refused_total", "kind" => kind),
        }
    }
}

/// One more in a gauge, until it is dropped.
#[derive(Debug)]
pub struct Counted(Gauge);

impl Counted {
    /// Counts in `gauge`.
    pub fn of(gauge: &Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// The caches whose hits are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheKind {
    /// Rooms as of their newest commit.
    RoomView,
    /// What access tokens stand for.
    Session,
}

/// Metrics of one cache.
#[derive(Debug, Clone)]
pub struct CacheMetrics {
    /// What was found in memory.
    pub hits: Counter,
    /// What had to be loaded.
    pub misses: Counter,
    /// Bytes in memory, estimated.
    pub bytes: Gauge,
}

impl CacheMetrics {
    /// The handles of a cache.
    pub fn of(cache: CacheKind) -> Self {
        let cache = match cache {
            CacheKind::RoomView => "room_view",
            CacheKind::Session => "session",
        };
        Self {
            hits: counter!("playhouse_cache_hits_total", "cache" => cache),
            misses: counter!("playhouse_cache_misses_total", "cache" => cache),
            bytes: gauge!("playhouse_cache_bytes", "cache" => cache),
        }
    }
}

/// Seconds of CPU in one resolution of forked state. It looks its handle up: forks are rare, and far dearer.
pub fn state_resolution() -> Timed {
    Timed::new(histogram!("playhouse_state_resolution_seconds"))
}

/// Seconds of CPU in one password hash.
pub fn password_hash() -> Timed {
    Timed::new(histogram!("playhouse_password_hash_seconds"))
}

/// Reports that were taken, by what they are about: `event`, `room` or `user`. It looks its handle up: they are rare.
pub fn reports(about: &'static str) -> Counter {
    counter!("playhouse_reports_total", "about" => about)
}

/// The handles.
pub struct Metrics {
    /// Seconds in a room's handler.
    pub room_handle: Timed,
    /// Bytes of what lazy clients have been sent, estimated.
    pub sent_members_bytes: Gauge,
    /// To-device messages left out of full inboxes.
    pub to_device_left_out: Counter,
    /// Seconds in a user stream's handler.
    pub user_handle: Timed,
    /// Seconds in the hub's handler.
    pub hub_handle: Timed,
    /// Seconds in an ingest's handler.
    pub ingest_handle: Timed,
    /// Seconds from the start of a room's commit to its end.
    pub room_commit: Timed,
    /// Seconds from an admitted send to its answer.
    pub send: Timed,
    /// Seconds to compute a sync response, without waiting.
    pub sync: Timed,
    /// Events in a room's commit.
    pub commit_events: Histogram,
    /// Room views in memory.
    pub views: CacheMetrics,
    /// Syncs that wait for something to happen.
    pub sync_waiting: Gauge,
    /// Times that a waiting sync was woken.
    pub sync_wakeups: Counter,
    /// Rooms left out of a sync because they could not be loaded.
    pub sync_rooms_left_out: Counter,
    /// How long the oldest position has been in flight: below it no sync sees anything new.
    pub oldest_open_position: Gauge,
    events: [Counter; EVENT_CLASSES.len()],
}

const EVENT_CLASSES: [&str; 5] = ["message", "encrypted", "member", "state", "other"];

impl Metrics {
    /// Registers the handles with the installed recorder.
    pub fn new() -> Arc<Self> {
        describe::all();
        // So that they are there, at zero, before the first of them happens.
        let _ = state_resolution();
        let handle = |kind: ActorKind| {
            Timed::new(histogram!("playhouse_actor_handle_seconds", "kind" => kind.label()))
        };
        Arc::new(Self {
            room_handle: handle(ActorKind::Room),
            user_handle: handle(ActorKind::User),
            hub_handle: handle(ActorKind::Hub),
            ingest_handle: handle(ActorKind::Ingest),
            room_commit: Timed::new(histogram!("playhouse_room_commit_seconds")),
            send: Timed::new(histogram!("playhouse_send_seconds")),
            sync: Timed::new(histogram!("playhouse_sync_seconds")),
            commit_events: histogram!("playhouse_room_commit_events"),
            views: CacheMetrics::of(CacheKind::RoomView),
            sent_members_bytes: gauge!("playhouse_cache_bytes", "cache" => "sent_members"),
            to_device_left_out: counter!("playhouse_to_device_left_out_total"),
            sync_waiting: gauge!("playhouse_sync_waiting"),
            sync_wakeups: counter!("playhouse_sync_wakeups_total"),
            sync_rooms_left_out: counter!("playhouse_sync_rooms_left_out_total"),
            oldest_open_position: gauge!("playhouse_oldest_open_position_seconds"),
            events: EVENT_CLASSES.map(|class| counter!("playhouse_events_persisted_total", "class" => class)),
        })
    }

    /// Counts a committed batch.
    pub fn events_persisted(&self, events: &[Arc<RoomEvent>]) {
        if events.is_empty() {
            return;
        }
        self.commit_events.record(events.len() as f64);
        for event in events {
            self.events[class_of(event)].increment(1);
        }
    }
}

fn class_of(event: &RoomEvent) -> usize {
    match (event.pdu.kind_str(), event.pdu.state_key()) {
        ("m.room.message", None) => 0,
        ("m.room.encrypted", None) => 1,
        ("m.room.member", Some(_)) => 2,
        (_, Some(_)) => 3,
        _ => 4,
    }
}
