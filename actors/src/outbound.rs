//! What goes to other servers: each destination has a backlog in memory and an actor that sends it, one transaction at a time.
//!
//! | File | Holds |
//! |---|---|
//! | `recipients` | which servers an event goes to (pure) |
//! | `backlog` | what a destination has not been sent yet (pure) |
//! | `destination` | a destination: its backlog, and whether it fails |
//! | `sender` | the actor of a destination |
//! | `batch` | a transaction's events and news, read from the store |
//! | `checkpoint` | what of all this outlives the process |
//! | `news` | typing and receipts of our users |
//! | `durable` | news that must not be lost |
//! | `key_changes` | changes of our users' devices and keys |
//!
//! No row is written for an event and a destination (**I10**): an event has one row that says that it goes out at all, and a
//! destination that fails has one for each room in which it lacks something. `docs/adr/0008-sending-to-other-servers.md`.

mod backlog;
mod batch;
mod checkpoint;
mod destination;
mod durable;
mod key_changes;
mod news;
pub mod recipients;
mod sender;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use dashmap::DashMap;
use metrics::gauge;
use playhouse_federation::Federation;
use playhouse_storage::Store;
use ruma::{OwnedServerName, ServerName};

use crate::{
    clock::{Pending, SlotClocks},
    hub::RoomBatch,
    metrics::ActorKind,
    registry::Registry,
    room::{RoomEvent, RoomView, Rooms},
    supervision::Supervision,
};
use destination::Destination;
pub use key_changes::Announcement;
use key_changes::KeyChanges;
use sender::SenderMessage;

/// Wakes that one actor takes at a time: more say nothing new.
const PERMITS: usize = 4;

/// Everything that goes to other servers.
pub struct Outbound {
    us: OwnedServerName,
    destinations: DashMap<OwnedServerName, Arc<Destination>>,
    /// Destinations with something to send, each at most once.
    wakes: flume::Sender<Arc<Destination>>,
    key_changes: KeyChanges,
    registry: Registry<SenderMessage>,
    store: Store,
    rooms: Rooms,
    clocks: Arc<SlotClocks>,
    federation: Arc<Federation>,
}

impl Outbound {
    /// Nothing to send yet. What must be sent again is found by [`Self::resume`].
    pub(crate) fn start(
        us: OwnedServerName,
        store: Store,
        rooms: Rooms,
        clocks: Arc<SlotClocks>,
        federation: Arc<Federation>,
        supervision: Supervision,
    ) -> Arc<Self> {
        // Not bounded by itself: each destination is in it once.
        let (wakes, woken) = flume::unbounded();
        let registry = Registry::new(ActorKind::Destination, PERMITS, supervision);
        let destinations = DashMap::new();
        let (key_changes, announced) = KeyChanges::new();
        let outbound = Arc::new(Self {
            us,
            destinations,
            wakes,
            key_changes,
            registry,
            store,
            rooms,
            clocks,
            federation,
        });
        tokio::spawn(dispatch(Arc::downgrade(&outbound), woken));
        tokio::spawn(key_changes::distribute(Arc::downgrade(&outbound), announced));
        outbound
    }

    /// Notes for every destination what a commit brought. It never waits.
    pub(crate) fn announce(&self, batch: &RoomBatch) {
        for event in batch.events.iter().filter(|event| event.goes_out) {
            self.announce_event(&batch.view, event);
        }
    }

    /// The same for what a commit of unknown outcome brought after all.
    pub(crate) fn announce_settled(&self, view: &RoomView, events: &[Arc<RoomEvent>], positions: &[Pending]) {
        let Some(first) = positions.iter().map(Pending::first).min() else { return };
        for event in events.iter().filter(|event| event.goes_out && event.pos >= first) {
            self.announce_event(view, event);
        }
    }

    /// Notes an event for every destination that it goes to.
    pub(crate) fn announce_event(&self, view: &RoomView, event: &RoomEvent) {
        for server in recipients::of(&self.us, &view.state, &event.pdu, &event.changes) {
            let destination = self.destination(server);
            destination.backlog().note_event(&view.room_id, event.seq, event.pos);
            self.wake(&destination);
        }
    }

    /// A server has shown that it is there: if it failed, it is tried again at once.
    pub fn heard_from(&self, server: &ServerName) {
        let Some(destination) = self.destinations.get(server).map(|found| Arc::clone(&found)) else { return };
        if destination.forgive() {
            self.wake(&destination);
        }
    }

    /// Destinations that have something to send, and those of them that fail.
    fn counts(&self) -> (usize, usize) {
        let (mut pending, mut failing) = (0, 0);
        for destination in &self.destinations {
            pending += usize::from(!destination.backlog().is_empty());
            failing += usize::from(destination.is_failing());
        }
        (pending, failing)
    }

    fn destination(&self, server: &ServerName) -> Arc<Destination> {
        if let Some(found) = self.destinations.get(server) {
            return Arc::clone(&found);
        }
        let new = || Arc::new(Destination::new(server.to_owned()));
        Arc::clone(&self.destinations.entry(server.to_owned()).or_insert_with(new))
    }

    /// Has the destination's actor look at its backlog, unless it is about to, or waits for a destination that fails.
    fn wake(&self, destination: &Arc<Destination>) {
        if destination.is_due() && destination.enqueue() {
            // It fails only when nothing is sent any more.
            let _ = self.wakes.send(Arc::clone(destination));
        }
    }

    /// Wakes the destinations whose pause is over, and forgets those that have nothing to remember.
    pub(crate) fn tick(&self) {
        let mut idle = Vec::new();
        for destination in &self.destinations {
            let is_empty = destination.backlog().is_empty();
            if is_empty && !destination.is_failing() {
                idle.push(destination.key().clone());
            } else if !is_empty {
                self.wake(&destination);
            }
        }
        for server in idle {
            self.destinations.remove_if(&server, |_, destination| {
                Arc::strong_count(destination) == 1
                    && destination.backlog().is_empty()
                    && !destination.is_failing()
            });
        }
    }

    /// Lets idle actors go.
    pub(crate) fn passivate(&self, idle: Duration) {
        self.registry.passivate(idle, |_| true);
    }

    /// Sets the gauges of the actors and of the destinations.
    pub(crate) fn report(&self) {
        self.registry.report();
        let (pending, failing) = self.counts();
        gauge!("playhouse_destinations", "state" => "pending").set(pending as f64);
        gauge!("playhouse_destinations", "state" => "failing").set(failing as f64);
    }

    /// Finishes the transactions under way and stops the actors.
    pub(crate) async fn shutdown(&self, deadline: tokio::time::Instant) {
        self.registry.drain_all(deadline).await;
    }
}

/// Tells the actors of destinations to look at their backlogs.
async fn dispatch(outbound: Weak<Outbound>, woken: flume::Receiver<Arc<Destination>>) {
    while let Ok(destination) = woken.recv_async().await {
        let Some(outbound) = outbound.upgrade() else { return };
        if let Err(error) = sender::wake(&outbound, &destination).await {
            tracing::debug!(server = %destination.server, %error, "a destination has to wait");
            destination.put_off();
        }
    }
}
