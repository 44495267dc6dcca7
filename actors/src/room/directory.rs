//! Finds or starts the actor of a room.

use std::{sync::Arc, time::Duration};

use playhouse_rules::room_version::RoomVersion;
use playhouse_storage::Store;
use ractor::{Actor, ActorRef};
use ruma::{OwnedRoomId, RoomId, UserId, events::room::member::MembershipState};

use super::{
    RoomError, RoomHandle, RoomView,
    actor::{RoomActor, RoomArguments},
    machine::Workshop,
    message::RoomMessage,
};
use crate::{
    hub::HubHandle,
    metrics::{ActorKind, Metrics},
    registry::{NotAvailable, Registry},
    supervision::Supervision,
};

/// Requests that may wait for one room.
pub const ROOM_PERMITS: usize = 512;

/// Every room that this node owns.
#[derive(Clone)]
pub struct Rooms {
    registry: Arc<Registry<RoomMessage>>,
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
        let registry = Arc::new(Registry::new(ActorKind::Room, ROOM_PERMITS, supervision));
        Self { registry, store, workshop, hub, metrics }
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
        if let Some(view) = self.hub.hub().view(room_id) {
            return Ok(view);
        }
        self.actor(room_id, None).await?;
        self.hub.hub().view(room_id).ok_or(RoomError::UnknownRoom)
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
        let place = self.registry.place(room_id.as_str());
        let started = self.registry.actor(&place, || self.start(room_id.to_owned(), found)).await;
        started.map_err(|error| match error {
            NotAvailable::Quarantined(retry_after) => RoomError::Quarantined { retry_after },
            NotAvailable::NotStarted(error) => error,
        })
    }

    async fn start(
        &self,
        room_id: OwnedRoomId,
        found: Option<&'static RoomVersion>,
    ) -> Result<ActorRef<RoomMessage>, RoomError> {
        let supervisor = self.registry.supervision().of_slot(room_id.as_str()).await;
        let supervisor = supervisor.map_err(|_| RoomError::retry())?;
        let arguments = RoomArguments {
            room_id,
            found,
            store: self.store.clone(),
            workshop: self.workshop.clone(),
            hub: self.hub.clone(),
            metrics: Arc::clone(&self.metrics),
        };
        match Actor::spawn_linked(None, RoomActor, arguments, supervisor).await {
            Ok((actor, _)) => Ok(actor),
            Err(ractor::SpawnErr::StartupFailed(reason)) => {
                Err(reason.downcast_ref::<RoomError>().cloned().unwrap_or_else(RoomError::retry))
            }
            Err(_) => Err(RoomError::retry()),
        }
    }

    pub(super) fn registry(&self) -> &Registry<RoomMessage> {
        &self.registry
    }

    /// The store, for reads beside the actors.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The hub.
    pub const fn hub(&self) -> &HubHandle {
        &self.hub
    }

    pub(super) const fn workshop(&self) -> &Workshop {
        &self.workshop
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Lets idle rooms go, and beyond `budget_bytes` those that were used longest ago.
    pub fn passivate(&self, idle: Duration, budget_bytes: usize) {
        self.registry.passivate(idle, |_| true);
        let mut held = 0;
        for id in self.registry.by_last_use().into_iter().rev() {
            let view = <&RoomId>::try_from(id.as_str()).ok().and_then(|room_id| self.hub.hub().view(room_id));
            held += view.map_or(0, |view| view.estimated_bytes());
            if held > budget_bytes {
                self.registry.drain(&id);
            }
        }
    }

    /// Ends typing notices that ran out, in the rooms that have any.
    pub fn tick(&self) {
        for room_id in self.hub.hub().rooms_with_typing() {
            if let Some(actor) = self.registry.place(room_id.as_str()).running() {
                let _ = actor.cast(RoomMessage::Tick);
            }
        }
    }

    /// Finishes what was admitted and stops every room.
    pub async fn shutdown(&self, deadline: tokio::time::Instant) {
        self.registry.drain_all(deadline).await;
    }
}
