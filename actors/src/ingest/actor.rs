//! The ractor shell of a room's ingest: one event at a time, in the order in which they came.

use std::sync::Arc;

use playhouse_rules::pdu::Pdu;
use playhouse_storage::{
    Store,
    store::put,
    tables::{Outlier, outlier::OutlierRow},
};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use ruma::{OwnedEventId, OwnedRoomId, RoomId};
use serde_json::value::RawValue;
use tokio::sync::OwnedSemaphorePermit;

use super::{append::Verdict, prepare::prepare};
use crate::{
    clock::SlotClocks,
    metrics::ActorKind,
    registry::{NotAvailable, Registry},
    room::{RoomError, RoomView, Rooms, load::place_of},
    supervision::Supervision,
};

/// Events that may wait for one room's ingest.
pub const INGEST_PERMITS: usize = 1_024;
/// How often an event is prepared anew because the room has moved on.
const ATTEMPTS: usize = 20;

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// It is in the log, accepted or soft-failed.
    Appended(OwnedEventId),
    /// It was known already.
    Known(OwnedEventId),
}

/// Why an event is not in the log.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IngestError {
    /// It is no event of this room.
    #[error("not an event of this room: {0}")]
    Malformed(String),
    /// It cites or follows events that are not here; bring those first.
    #[error("{} of the events that it cites are missing", .0.len())]
    Missing(Vec<OwnedEventId>),
    /// The authorization rules reject it. It is kept with the reason, so that it is not fetched again.
    #[error("rejected: {0}")]
    Rejected(String),
    /// The room cannot take it at the moment.
    #[error(transparent)]
    Room(#[from] RoomError),
}

/// A message to a room's ingest.
pub enum IngestMessage {
    /// Takes an event in.
    Receive {
        /// The event, as it came.
        pdu: Box<RawValue>,
        /// Answered when it is durable or refused.
        reply: RpcReplyPort<Result<Received, IngestError>>,
        /// The admission permit, held until the answer.
        permit: OwnedSemaphorePermit,
    },
    /// Panics, to prove that a panic costs only this actor.
    #[cfg(any(test, feature = "fault-injection"))]
    Panic,
}

struct IngestActor {
    room_id: OwnedRoomId,
    store: Store,
    rooms: Rooms,
    clocks: Arc<SlotClocks>,
}

impl Actor for IngestActor {
    type Msg = IngestMessage;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _myself: ActorRef<IngestMessage>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _myself: ActorRef<IngestMessage>,
        message: IngestMessage,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        let _timer = self.rooms.metrics().ingest_handle.start();
        match message {
            IngestMessage::Receive { pdu, reply, permit } => {
                let outcome = self.receive(pdu).await;
                drop(permit);
                // A caller that went away needs no answer.
                let _ = reply.send(outcome);
            }
            #[cfg(any(test, feature = "fault-injection"))]
            IngestMessage::Panic => panic!("injected"),
        }
        Ok(())
    }
}

impl IngestActor {
    async fn receive(&self, json: Box<RawValue>) -> Result<Received, IngestError> {
        let view = self.rooms.view(&self.room_id).await?;
        let pdu = Pdu::parse(view.version, json, None)
            .map_err(|error| IngestError::Malformed(error.to_string()))?;
        if pdu.room_id() != self.room_id {
            return Err(IngestError::Malformed("it belongs to another room".into()));
        }
        if let Some(known) = self.known(&view, &pdu).await? {
            return known;
        }
        for _ in 0..ATTEMPTS {
            let view = self.rooms.view(&self.room_id).await?;
            let extremities = view.extremity_ids();
            let prepared = match prepare(&self.store, &view, &extremities, pdu.clone()).await {
                Err(IngestError::Rejected(reason)) => return Err(self.reject(&pdu, reason).await),
                other => other?,
            };
            match self.rooms.handle(&self.room_id).append_prepared(prepared).await? {
                Verdict::Appended(event_id) => return Ok(Received::Appended(event_id)),
                Verdict::Stale => {}
            }
        }
        Err(RoomError::Busy.into())
    }

    /// An event that stands in the log, or that was rejected before.
    async fn known(
        &self,
        view: &RoomView,
        pdu: &Pdu,
    ) -> Result<Option<Result<Received, IngestError>>, RoomError> {
        let id = pdu.event_id();
        if place_of(&self.store, view, id).await?.is_some() {
            return Ok(Some(Ok(Received::Known(id.to_owned()))));
        }
        let outlier = self.store.get::<Outlier>((id.as_str(),), ()).await?;
        let rejected = outlier.and_then(|outlier| outlier.rejected);
        Ok(rejected.map(|reason| Err(IngestError::Rejected(reason))))
    }

    /// Keeps a rejected event, so that what cites it is rejected too and nobody fetches it again.
    async fn reject(&self, pdu: &Pdu, reason: String) -> IngestError {
        let row = OutlierRow {
            room: self.room_id.to_string(),
            rejected: Some(reason.clone()),
            pdu: pdu.json().to_owned(),
        };
        let stamp = self.clocks.stamp(self.room_id.as_str());
        match self.store.write(vec![put::<Outlier>((pdu.event_id().as_str(),), (), &row, stamp)]).await {
            Ok(()) => IngestError::Rejected(reason),
            Err(error) => IngestError::Room(error.into()),
        }
    }
}

/// The ingest of every room on this node.
#[derive(Clone)]
pub struct Ingest {
    registry: Arc<Registry<IngestMessage>>,
    store: Store,
    rooms: Rooms,
    clocks: Arc<SlotClocks>,
}

impl Ingest {
    /// Ingest into these rooms.
    pub fn new(store: Store, rooms: Rooms, clocks: Arc<SlotClocks>, supervision: Supervision) -> Self {
        let registry = Arc::new(Registry::new(ActorKind::Ingest, INGEST_PERMITS, supervision));
        Self { registry, store, rooms, clocks }
    }

    /// Takes an event in whose signatures and content hash were verified; answers when it is durable.
    ///
    /// # Errors
    /// [`IngestError`]; the other events of a transaction are not concerned.
    pub async fn receive(&self, room_id: &RoomId, pdu: Box<RawValue>) -> Result<Received, IngestError> {
        let place = self.registry.place(room_id.as_str());
        let permit = self.registry.admit(&place).ok_or(RoomError::Busy)?;
        let actor = self.actor(room_id).await?;
        let (sender, answer) = ractor::concurrency::oneshot();
        let message = IngestMessage::Receive { pdu, reply: RpcReplyPort::from(sender), permit };
        actor.cast(message).map_err(|_| RoomError::retry())?;
        answer.await.unwrap_or_else(|_| Err(RoomError::retry().into()))
    }

    /// Makes a room's ingest panic, to prove that only it is harmed.
    #[cfg(any(test, feature = "fault-injection"))]
    pub async fn inject_panic(&self, room_id: &RoomId) -> Result<(), RoomError> {
        self.actor(room_id).await?.cast(IngestMessage::Panic).map_err(|_| RoomError::retry())
    }

    async fn actor(&self, room_id: &RoomId) -> Result<ActorRef<IngestMessage>, RoomError> {
        let place = self.registry.place(room_id.as_str());
        let started = self.registry.actor(&place, || self.start(room_id.to_owned())).await;
        started.map_err(|error| match error {
            NotAvailable::Quarantined(retry_after) => RoomError::Quarantined { retry_after },
            NotAvailable::Ending => RoomError::retry(),
            NotAvailable::NotStarted(error) => error,
        })
    }

    async fn start(&self, room_id: OwnedRoomId) -> Result<ActorRef<IngestMessage>, RoomError> {
        let supervisor = self.registry.supervision().of_slot(room_id.as_str()).await;
        let supervisor = supervisor.map_err(|_| RoomError::retry())?;
        let (store, rooms, clocks) = (self.store.clone(), self.rooms.clone(), Arc::clone(&self.clocks));
        let actor = IngestActor { room_id, store, rooms, clocks };
        let spawned = Actor::spawn_linked(None, actor, (), supervisor).await;
        spawned.map(|(actor, _)| actor).map_err(|_| RoomError::retry())
    }

    /// Lets idle ones go.
    pub fn passivate(&self, idle: std::time::Duration) {
        self.registry.passivate(idle, |_| true);
    }

    /// Sets the gauge of waiting events.
    pub fn report(&self) {
        self.registry.report();
    }

    /// Finishes what was admitted and stops them all.
    pub async fn shutdown(&self, deadline: tokio::time::Instant) {
        self.registry.drain_all(deadline).await;
    }
}
