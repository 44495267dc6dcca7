//! The actor of a destination: sends its backlog, one transaction at a time, until there is nothing left or it fails.

use std::sync::{Arc, Weak};

use playhouse_federation::client::{RequestError, Transaction};
use playhouse_storage::{
    Write,
    store::{delete, put},
    tables::{Destination as DestinationTable, DestinationRoom, OutboundEdu, destination::DestinationRow},
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::OwnedSemaphorePermit;

use super::{Outbound, backlog::Taken, batch::Batch, destination::Destination};
use crate::{clock::slot_of, registry::NotAvailable, room::RoomError};

/// A message to the actor of a destination.
pub(super) enum SenderMessage {
    /// There may be something to send.
    Wake(OwnedSemaphorePermit),
}

struct SenderActor {
    outbound: Weak<Outbound>,
    destination: Arc<Destination>,
}

impl Actor for SenderActor {
    type Msg = SenderMessage;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<SenderMessage>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _: ActorRef<SenderMessage>,
        message: SenderMessage,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        let SenderMessage::Wake(permit) = message;
        self.destination.dequeue();
        while self.destination.is_due()
            && let Some(outbound) = self.outbound.upgrade()
            && let Some(taken) = self.destination.next()
        {
            outbound.send(&self.destination, &taken).await;
        }
        drop(permit);
        Ok(())
    }
}

/// Wakes the actor of a destination; starts it if need be.
///
/// # Errors
/// It cannot be had now.
pub(super) async fn wake(outbound: &Arc<Outbound>, destination: &Arc<Destination>) -> Result<(), RoomError> {
    let server = destination.server.as_str();
    let place = outbound.registry.place(server);
    let permit = outbound.registry.admit(&place).ok_or(RoomError::Busy)?;
    let start = || async {
        let supervisor = outbound.registry.supervision().of_slot(server).await;
        let supervisor = supervisor.map_err(|_| RoomError::retry())?;
        let actor = SenderActor { outbound: Arc::downgrade(outbound), destination: Arc::clone(destination) };
        let spawned = Actor::spawn_linked(None, actor, (), supervisor).await;
        spawned.map(|(actor, _)| actor).map_err(|_| RoomError::retry())
    };
    let actor = outbound.registry.actor(&place, start).await.map_err(|error| match error {
        NotAvailable::Quarantined(retry_after) => RoomError::Quarantined { retry_after },
        NotAvailable::Ending => RoomError::retry(),
        NotAvailable::NotStarted(error) => error,
    })?;
    actor.cast(SenderMessage::Wake(permit)).map_err(|_| RoomError::retry())
}

impl Outbound {
    /// Sends one transaction, and notes how that went.
    async fn send(&self, destination: &Destination, taken: &Taken) {
        let sent = match self.read(destination, taken).await {
            Ok(batch) => {
                self.transmit(destination, &batch).await.map(|()| batch).map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        let outcome = match sent {
            Ok(batch) => self.note_sent(destination, taken, &batch).await,
            Err(reason) => self.note_failed(destination, &reason).await,
        };
        if let Err(error) = outcome {
            tracing::warn!(server = %destination.server, %error, "how a destination fares is not remembered");
        }
    }

    async fn transmit(&self, destination: &Destination, batch: &Batch) -> Result<(), RequestError> {
        let Batch { pdus, edus, .. } = batch;
        if pdus.is_empty() && edus.is_empty() {
            return Ok(());
        }
        let transaction =
            Transaction { origin: &self.us, origin_server_ts: self.clocks.now_ms(), pdus, edus };
        // Never one that was used before, and never for something else.
        let id = self.clocks.stamp(destination.server.as_str()).to_string();
        let outcomes =
            self.federation.client().send_transaction(&destination.server, &id, &transaction).await?;
        for (event_id, outcome) in outcomes {
            if let Some(error) = outcome.error {
                tracing::debug!(server = %destination.server, %event_id, error, "an event was not taken");
            }
        }
        Ok(())
    }

    async fn note_sent(
        &self,
        destination: &Destination,
        taken: &Taken,
        batch: &Batch,
    ) -> Result<(), RoomError> {
        let stamp = self.clocks.stamp(destination.server.as_str());
        let (slot, server) = (slot_of(destination.server.as_str()) as i64, destination.server.as_str());
        let mut writes: Vec<Write> =
            batch.durable.iter().map(|edu| delete::<OutboundEdu>((slot,), (server, *edu), stamp)).collect();
        if destination.succeeded() {
            writes.push(delete::<DestinationTable>((slot,), (server,), stamp));
        }
        {
            let mut backlog = destination.backlog();
            backlog.sent(taken);
            let mut marked = destination.marked();
            let caught_up: Vec<_> =
                marked.keys().filter(|room_id| !backlog.has_room(room_id)).cloned().collect();
            for room_id in caught_up {
                marked.remove(&room_id);
                writes.push(delete::<DestinationRoom>((slot,), (server, room_id.as_str()), stamp));
            }
        }
        if writes.is_empty() {
            return Ok(());
        }
        self.store.write(writes).await?;
        if !batch.durable.is_empty() && !batch.has_more {
            self.look_for_durable(destination).await?;
        }
        Ok(())
    }

    async fn note_failed(&self, destination: &Destination, reason: &str) -> Result<(), RoomError> {
        let (failures, pause) = destination.failed();
        tracing::debug!(server = %destination.server, failures, ?pause, reason, "a destination fails");
        destination.backlog().shrink();
        let retry_at_ms = self.clocks.now_ms() + pause.as_millis() as u64;
        let row = DestinationRow { failures, retry_at_ms };
        let (slot, server) = (slot_of(destination.server.as_str()) as i64, destination.server.as_str());
        let stamp = self.clocks.stamp(server);
        self.store.write(vec![put::<DestinationTable>((slot,), (server,), &row, stamp)]).await?;
        self.mark(destination).await
    }
}
