//! Metrics of the actors. Handles are made once; labels come from closed sets.

use std::{sync::Arc, time::Instant};

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::room::RoomEvent;

/// The kinds of actors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A room.
    Room,
    /// A room's ingest.
    Ingest,
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
            Self::User => "user",
            Self::Hub => "hub",
        }
    }
}

/// A histogram of durations.
#[derive(Clone)]
pub struct Timed(Histogram);

/// Records the time since it was made when dropped.
pub struct Timer<'a>(&'a Histogram, Instant);

impl Timed {
    /// Starts a measurement.
    pub fn start(&self) -> Timer<'_> {
        Timer(&self.0, Instant::now())
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        self.0.record(self.1.elapsed().as_secs_f64());
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
            refused: counter!("playhouse_actor_admission_refused_total", "kind" => kind),
        }
    }
}

/// The handles.
pub struct Metrics {
    /// Seconds in a room's handler.
    pub room_handle: Timed,
    /// Seconds in a user stream's handler.
    pub user_handle: Timed,
    /// Seconds in the hub's handler.
    pub hub_handle: Timed,
    /// Seconds from the start of a room's commit to its end.
    pub room_commit: Timed,
    /// Seconds from an admitted send to its answer.
    pub send: Timed,
    /// Seconds to compute a sync response, without waiting.
    pub sync: Timed,
    /// Events in a room's commit.
    pub commit_events: Histogram,
    /// Room views found in memory.
    pub view_hits: Counter,
    /// Room views that had to be loaded.
    pub view_misses: Counter,
    /// Bytes of the room views in memory, estimated.
    pub view_bytes: Gauge,
    /// Times that a waiting sync was woken.
    pub sync_wakeups: Counter,
    /// Rooms left out of a sync because they could not be loaded.
    pub sync_rooms_left_out: Counter,
    events: [Counter; EVENT_CLASSES.len()],
}

const EVENT_CLASSES: [&str; 5] = ["message", "encrypted", "member", "state", "other"];

impl Metrics {
    /// Registers the handles with the installed recorder.
    pub fn new() -> Arc<Self> {
        let handle =
            |kind: ActorKind| Timed(histogram!("playhouse_actor_handle_seconds", "kind" => kind.label()));
        Arc::new(Self {
            room_handle: handle(ActorKind::Room),
            user_handle: handle(ActorKind::User),
            hub_handle: handle(ActorKind::Hub),
            room_commit: Timed(histogram!("playhouse_room_commit_seconds")),
            send: Timed(histogram!("playhouse_send_seconds")),
            sync: Timed(histogram!("playhouse_sync_seconds")),
            commit_events: histogram!("playhouse_room_commit_events"),
            view_hits: counter!("playhouse_cache_hits_total", "cache" => "room_view"),
            view_misses: counter!("playhouse_cache_misses_total", "cache" => "room_view"),
            view_bytes: gauge!("playhouse_cache_bytes", "cache" => "room_view"),
            sync_wakeups: counter!("playhouse_sync_wakeups_total"),
            sync_rooms_left_out: counter!("playhouse_sync_rooms_left_out_total"),
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
