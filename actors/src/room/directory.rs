//! Finds or starts the actor of a room.

use std::{sync::Arc, time::Duration};

use playhouse_rules::room_version::RoomVersion;
use playhouse_storage::Store;
use ractor::{Actor, ActorId, ActorRef};
use ruma::{OwnedRoomId, RoomId, UserId, events::room::member::MembershipState};

use super::{
    RoomError, RoomHandle, RoomView,
    actor::{RoomActor, RoomArguments},
    census::Census,
    machine::Workshop,
    message::RoomMessage,
    settlement::Settlement,
};
use crate::{
    hub::HubHandle,
    metrics::{ActorKind, Metrics},
    registry::{NotAvailable, Registry},
    supervision::Supervision,
};

/// Starts that one request tries: an actor may just be ending.
const ATTEMPTS: usize = 3;

/// Requests that may wait for one room.
pub const ROOM_PERMITS: usize = 512;

/// Every room that this node owns.
#[derive(Clone)]
pub struct Rooms {
    inner: Arc<RoomsInner>,
}

/// What all handles on the rooms share.
pub(super) struct RoomsInner {
    registry: Registry<RoomMessage>,
    store: Store,
    workshop: Workshop,
    hub: HubHandle,
    metrics: Arc<Metrics>,
}

impl Rooms {
    /// The rooms of a node.
    pub fn new(
        store: Store,
        workshop: Workshop,
        hub: HubHandle,
        supervision: Supervision,
        metrics: Arc<Metrics>,
    ) -> Self {
        let registry = Registry::new(ActorKind::Room, ROOM_PERMITS, supervision);
        Self { inner: Arc::new(RoomsInner { registry, store, workshop, hub, metrics }) }
    }

    /// The address of a room. It need not exist.
    pub fn handle(&self, room_id: &RoomId) -> RoomHandle {
        RoomHandle::new(self.clone(), room_id.to_owned())
    }

    /// The room as of its newest commit; activates it if need be.
    ///
    /// # Errors
    /// [`RoomError::UnknownRoom`], [`RoomError::Quarantined`], [`RoomError::Corrupt`], [`RoomError::Unavailable`].
    pub async fn view(&self, room_id: &RoomId) -> Result<Arc<RoomView>, RoomError> {
        for _ in 0..ATTEMPTS {
            if let Some(view) = self.inner.hub.hub().view(room_id) {
                self.inner.metrics.views.hits.increment(1);
                return Ok(view);
            }
            self.inner.metrics.views.misses.increment(1);
            let actor = self.actor(room_id, None).await?;
            if let Some(view) = self.inner.hub.hub().view(room_id) {
                return Ok(view);
            }
            // An unborn room, or an actor that is just ending.
            self.forget(room_id, actor.get_id());
        }
        Err(RoomError::UnknownRoom)
    }

    /// The room as its running actor shows it, whatever an actor before it left behind.
    pub(super) async fn fresh_view(&self, room_id: &RoomId) -> Result<Arc<RoomView>, RoomError> {
        self.actor(room_id, None).await?;
        self.inner.hub.hub().view(room_id).ok_or(RoomError::UnknownRoom)
    }

    /// The room's view for someone who must be joined to it.
    ///
    /// # Errors
    /// As [`Self::view`], and [`RoomError::Forbidden`] for everyone else; an unknown room looks the same.
    pub async fn view_for_member(&self, room_id: &RoomId, user: &UserId) -> Result<Arc<RoomView>, RoomError> {
        let refused = || RoomError::Forbidden("you are not in this room".to_owned());
        match self.view(room_id).await {
            Ok(view) if view.state.membership(user) == Some(&MembershipState::Join) => Ok(view),
            Ok(_) | Err(RoomError::UnknownRoom) => Err(refused()),
            Err(error) => Err(error),
        }
    }

    /// The running actor of a room, or a new one. `found` is the version of a room that is to be founded.
    pub(super) async fn actor(
        &self,
        room_id: &RoomId,
        found: Option<&'static RoomVersion>,
    ) -> Result<ActorRef<RoomMessage>, RoomError> {
        let place = self.inner.registry.place(room_id.as_str());
        let started = self.inner.registry.actor(&place, || self.start(room_id.to_owned(), found)).await;
        started.map_err(|error| match error {
            NotAvailable::Quarantined(retry_after) => RoomError::Quarantined { retry_after },
            NotAvailable::Ending => RoomError::retry(),
            NotAvailable::NotStarted(error) => {
                self.inner.registry.forget_empty(room_id.as_str());
                error
            }
        })
    }

    async fn start(
        &self,
        room_id: OwnedRoomId,
        found: Option<&'static RoomVersion>,
    ) -> Result<ActorRef<RoomMessage>, RoomError> {
        let supervisor = self.inner.registry.supervision().of_slot(room_id.as_str()).await;
        let supervisor = supervisor.map_err(|_| RoomError::retry())?;
        let arguments = RoomArguments {
            room_id,
            found,
            store: self.inner.store.clone(),
            workshop: self.inner.workshop.clone(),
            hub: self.inner.hub.clone(),
            settlement: Settlement::new(&self.inner),
            metrics: Arc::clone(&self.inner.metrics),
        };
        match Actor::spawn_linked(None, RoomActor, arguments, supervisor).await {
            Ok((actor, _)) => Ok(actor),
            Err(ractor::SpawnErr::StartupFailed(reason)) => {
                Err(reason.downcast_ref::<RoomError>().cloned().unwrap_or_else(RoomError::retry))
            }
            Err(_) => Err(RoomError::retry()),
        }
    }

    /// Forgets the actor with this id, so that the next request starts another.
    pub(super) fn forget(&self, room_id: &RoomId, actor: ActorId) {
        self.inner.registry.place(room_id.as_str()).forget(actor);
    }

    pub(super) fn registry(&self) -> &Registry<RoomMessage> {
        &self.inner.registry
    }

    /// The store, for reads beside the actors.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The hub.
    pub fn hub(&self) -> &HubHandle {
        &self.inner.hub
    }

    pub(super) fn workshop(&self) -> &Workshop {
        &self.inner.workshop
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Lets idle rooms go, and beyond `budget_bytes` those that were used longest ago; counts the active ones.
    pub fn passivate(&self, idle: Duration, budget_bytes: usize) {
        self.inner.registry.passivate(idle, |_| true);
        let (mut held, mut kept, mut census) = (0, 0, Census::default());
        for id in self.inner.registry.by_last_use().into_iter().rev() {
            let view =
                <&RoomId>::try_from(id.as_str()).ok().and_then(|room_id| self.inner.hub.hub().view(room_id));
            held += view.as_ref().map_or(0, |view| view.estimated_bytes());
            if let Some(view) = view {
                census.count(&view);
            }
            if held > budget_bytes {
                self.inner.registry.drain(&id);
            } else {
                kept = held;
            }
        }
        self.inner.metrics.views.bytes.set(kept as f64);
        census.publish();
    }

    /// Sets the gauge of waiting requests.
    pub fn report(&self) {
        self.inner.registry.report();
    }

    /// Ends typing notices that ran out, in the rooms that have any.
    pub fn tick(&self) {
        for room_id in self.inner.hub.hub().rooms_with_typing() {
            if let Some(actor) = self.inner.registry.place(room_id.as_str()).running() {
                let _ = actor.cast(RoomMessage::Tick);
            }
        }
    }

    /// Finishes what was admitted and stops every room.
    pub async fn shutdown(&self, deadline: tokio::time::Instant) {
        self.inner.registry.drain_all(deadline).await;
    }
}

impl From<Arc<RoomsInner>> for Rooms {
    fn from(inner: Arc<RoomsInner>) -> Self {
        Self { inner }
    }
}
