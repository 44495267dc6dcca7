//! The ractor shell of a room's ingest: one event at a time, in the order in which they came.

use std::sync::Arc;

use playhouse_federation::Federation;
use playhouse_rules::pdu::Pdu;
use playhouse_storage::{Store, tables::Outlier};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use ruma::{OwnedEventId, OwnedRoomId, OwnedServerName, RoomId};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    PreparedEvent,
    append::Verdict,
    gaps::Gaps,
    outliers::OutlierShelf,
    prepare::{StatesTold, prepare},
};
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

/// Where an event comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// It was made here, and another server has signed it too.
    Here,
    /// A server has sent it to all that are in the room.
    Pushed(OwnedServerName),
    /// A server has given it to us, for us to send to the others: it is not in the room yet, or no more.
    Handed(OwnedServerName),
}

impl Source {
    /// Whether it is for us to send it to the room's servers.
    const fn goes_out(&self) -> bool {
        !matches!(self, Self::Pushed(_))
    }

    /// The server that is asked for what is missing.
    const fn server(&self) -> Option<&OwnedServerName> {
        match self {
            Self::Here => None,
            Self::Pushed(server) | Self::Handed(server) => Some(server),
        }
    }
}

/// Why an event is not in the log.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IngestError {
    /// It is no event of this room.
    #[error("not an event of this room: {0}")]
    Malformed(String),
    /// It cites events that are not here and cannot be had.
    #[error("{} of the events that it cites are missing", .0.len())]
    MissingAuth(Vec<OwnedEventId>),
    /// It follows events that are not here and cannot be had.
    #[error("{} of the events that it follows are missing", .0.len())]
    MissingPrev(Vec<OwnedEventId>),
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
        /// The event.
        pdu: Box<Pdu>,
        /// Where it comes from.
        source: Source,
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
    federation: Option<Arc<Federation>>,
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
            IngestMessage::Receive { pdu, source, reply, permit } => {
                let outcome = self.receive(*pdu, &source).await;
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
    /// Takes an event in: what lies between it and the room is asked for first.
    async fn receive(&self, pdu: Pdu, source: &Source) -> Result<Received, IngestError> {
        let goes_out = source.goes_out();
        let outcome = self.take_asking(&pdu, &StatesTold::new(), source.server(), goes_out).await;
        let (Err(IngestError::MissingPrev(_)), Some(from)) = (&outcome, source.server()) else {
            return outcome;
        };
        let view = self.rooms.view(&self.room_id).await?;
        let Some(gaps) = self.gaps(&view, from) else { return outcome };
        let events = gaps.events_before(&view, &pdu).await?;
        if events.is_empty() {
            return outcome;
        }
        for event in events.into_iter().filter(|event| event.event_id() != pdu.event_id()) {
            self.take_pulled(event, from).await?;
        }
        self.take_asking(&pdu, &StatesTold::new(), Some(from), goes_out).await
    }

    /// Takes an event in that was asked for: it may lie at the far side of the gap, and then needs the state there.
    async fn take_pulled(&self, pdu: Pdu, from: &OwnedServerName) -> Result<(), RoomError> {
        let mut outcome = self.take_asking(&pdu, &StatesTold::new(), Some(from), false).await;
        if let Err(IngestError::MissingPrev(missing)) = &outcome {
            let view = self.rooms.view(&self.room_id).await?;
            let Some(gaps) = self.gaps(&view, from) else { return Ok(()) };
            let mut told = StatesTold::new();
            for prev in missing {
                if let Some(state) = gaps.state_after(&view, prev).await.or_else(only_room_errors)? {
                    told.insert(prev.clone(), state);
                }
            }
            outcome = self.take_asking(&pdu, &told, Some(from), false).await;
        }
        match outcome {
            Err(IngestError::Room(error)) => Err(error),
            Err(error) => {
                tracing::debug!(event_id = %pdu.event_id(), %error, "an event of a gap is not taken");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    /// Takes an event in, and asks for what it cites if that is not here.
    async fn take_asking(
        &self,
        pdu: &Pdu,
        told: &StatesTold,
        from: Option<&OwnedServerName>,
        goes_out: bool,
    ) -> Result<Received, IngestError> {
        let outcome = self.take(pdu, told, goes_out).await;
        let (Err(IngestError::MissingAuth(_)), Some(from)) = (&outcome, from) else { return outcome };
        let view = self.rooms.view(&self.room_id).await?;
        let Some(gaps) = self.gaps(&view, from) else { return outcome };
        gaps.auth_events(&view, pdu).await?;
        self.take(pdu, told, goes_out).await
    }

    /// Takes an event in that cites and follows what is here, or what `told` knows the state after.
    async fn take(&self, pdu: &Pdu, told: &StatesTold, goes_out: bool) -> Result<Received, IngestError> {
        let view = self.rooms.view(&self.room_id).await?;
        if let Some(known) = self.known(&view, pdu).await? {
            return known;
        }
        for _ in 0..ATTEMPTS {
            let view = self.rooms.view(&self.room_id).await?;
            let extremities = view.extremity_ids();
            let prepared = match prepare(&self.store, &view, &extremities, pdu.clone(), told).await {
                Err(IngestError::Rejected(reason)) => {
                    self.keep_rejected(&view, pdu, reason.clone()).await?;
                    return Err(IngestError::Rejected(reason));
                }
                other => other?,
            };
            let prepared = PreparedEvent { goes_out, ..prepared };
            let rejected = prepared.rejected.clone();
            if let Some(reason) = &rejected {
                self.keep_rejected(&view, pdu, reason.clone()).await?;
            }
            match (self.rooms.handle(&self.room_id).append_prepared(prepared).await?, rejected) {
                (Verdict::Appended(_), Some(reason)) => return Err(IngestError::Rejected(reason)),
                (Verdict::Appended(event_id), None) => return Ok(Received::Appended(event_id)),
                (Verdict::Stale, _) => {}
            }
        }
        Err(RoomError::Busy.into())
    }

    fn gaps<'a>(&'a self, view: &RoomView, from: &'a OwnedServerName) -> Option<Gaps<'a>> {
        let federation = self.federation.as_ref()?;
        Some(Gaps { federation, from, shelf: self.shelf(view) })
    }

    fn shelf(&self, view: &RoomView) -> OutlierShelf<'_> {
        let (store, clocks, room_id) = (&self.store, &self.clocks, &*self.room_id);
        OutlierShelf { store, clocks, room_id, version: view.version }
    }

    /// An event that stands in the log, or that was rejected before.
    async fn known(
        &self,
        view: &RoomView,
        pdu: &Pdu,
    ) -> Result<Option<Result<Received, IngestError>>, RoomError> {
        let id = pdu.event_id();
        let outlier = self.store.get::<Outlier>((id.as_str(),), ()).await?;
        if let Some(reason) = outlier.and_then(|outlier| outlier.rejected) {
            return Ok(Some(Err(IngestError::Rejected(reason))));
        }
        let place = place_of(&self.store, view, id).await?;
        Ok(place.map(|_| Ok(Received::Known(id.to_owned()))))
    }

    /// Keeps a rejected event with the reason, so that what cites it is rejected too and nobody fetches it again.
    async fn keep_rejected(&self, view: &RoomView, pdu: &Pdu, reason: String) -> Result<(), RoomError> {
        Ok(self.store.write(vec![self.shelf(view).row(pdu, Some(reason))]).await?)
    }
}

/// Lets only failures of our own end the work on a gap.
fn only_room_errors<T>(error: IngestError) -> Result<Option<T>, RoomError> {
    match error {
        IngestError::Room(error) => Err(error),
        _ => Ok(None),
    }
}

/// The ingest of every room on this node.
#[derive(Clone)]
pub struct Ingest {
    registry: Arc<Registry<IngestMessage>>,
    store: Store,
    rooms: Rooms,
    clocks: Arc<SlotClocks>,
    federation: Option<Arc<Federation>>,
}

impl Ingest {
    /// Ingest into these rooms, which asks other servers by `federation` for what is missing.
    pub fn new(
        store: Store,
        rooms: Rooms,
        clocks: Arc<SlotClocks>,
        supervision: Supervision,
        federation: Option<Arc<Federation>>,
    ) -> Self {
        let registry = Arc::new(Registry::new(ActorKind::Ingest, INGEST_PERMITS, supervision));
        Self { registry, store, rooms, clocks, federation }
    }

    /// Takes an event in whose signatures and content hash were verified; answers when it is durable. What it lacks is asked
    /// of the server that sent it.
    ///
    /// # Errors
    /// [`IngestError`]; the other events of a transaction are not concerned.
    pub async fn receive(&self, room_id: &RoomId, pdu: Pdu, source: Source) -> Result<Received, IngestError> {
        if pdu.room_id() != room_id {
            return Err(IngestError::Malformed("it belongs to another room".into()));
        }
        self.enqueue(pdu, source).await?.await
    }

    /// Puts an event into the queue of its room, behind those that wait there; the answer comes as that of
    /// [`Self::receive`].
    ///
    /// # Errors
    /// [`RoomError::Busy`] when [`INGEST_PERMITS`] wait there already, or the room cannot be had.
    pub async fn enqueue(
        &self,
        pdu: Pdu,
        source: Source,
    ) -> Result<impl Future<Output = Result<Received, IngestError>> + Send + use<>, RoomError> {
        let room_id = pdu.room_id().to_owned();
        let place = self.registry.place(room_id.as_str());
        let permit = self.registry.admit(&place).ok_or(RoomError::Busy)?;
        let actor = self.actor(&room_id).await?;
        let (sender, answer) = ractor::concurrency::oneshot();
        let message =
            IngestMessage::Receive { pdu: Box::new(pdu), source, reply: RpcReplyPort::from(sender), permit };
        actor.cast(message).map_err(|_| RoomError::retry())?;
        Ok(async { answer.await.unwrap_or_else(|_| Err(RoomError::retry().into())) })
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
        let actor = IngestActor { room_id, store, rooms, clocks, federation: self.federation.clone() };
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
