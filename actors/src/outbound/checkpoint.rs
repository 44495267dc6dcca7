//! What of all this outlives the process.
//!
//! The checkpoint is a position: what lies at or below it was sent, or the store says which destination lacks it. What lies
//! above is handed to its destinations again at the next start.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use playhouse_storage::{
    StoreError, Write,
    store::put,
    tables::{
        Destination as DestinationTable, DestinationRoom, OutboundCheckpoint, OutboundEdu, OutboundEvent,
        destination::DestinationRow,
        destination_room::DestinationRoomRow,
        outbound_checkpoint::OutboundCheckpointRow,
        outbound_event::{BUCKET, LIFE},
    },
};
use ruma::{OwnedRoomId, OwnedServerName, RoomId};
use tokio::time::Instant;

use super::{
    Outbound,
    destination::{Destination, Failing},
};
use crate::{
    clock::{SLOTS, slot_of},
    room::{RoomError, load::read_rows},
};

/// The one row of the checkpoint.
const CHECKPOINT: i64 = 0;
/// Partitions read at once at the start.
const READS_AT_ONCE: usize = 32;

impl Outbound {
    /// Moves the checkpoint up to what was sent by now.
    ///
    /// # Errors
    /// The store does not answer: the checkpoint stays.
    pub(crate) async fn checkpoint(&self) -> Result<(), RoomError> {
        // First the position, then the backlogs: what is announced meanwhile lies above it.
        let mut reached = self.clocks.closed();
        let destinations: Vec<Arc<Destination>> =
            self.destinations.iter().map(|entry| Arc::clone(&entry)).collect();
        for destination in destinations {
            if destination.is_failing() {
                self.mark(&destination).await?;
            } else if let Some(oldest) = destination.backlog().oldest() {
                reached = reached.min(oldest - 1);
            }
        }
        if let Some(oldest) = self.key_changes.oldest() {
            reached = reached.min(oldest - 1);
        }
        let row = OutboundCheckpointRow { pos: reached };
        Ok(self.store.write(vec![put::<OutboundCheckpoint>((CHECKPOINT,), (), &row, reached)]).await?)
    }

    /// Has the store say in which rooms a destination lacks events.
    pub(super) async fn mark(&self, destination: &Destination) -> Result<(), RoomError> {
        let slot = slot_of(destination.server.as_str()) as i64;
        let stamp = self.clocks.stamp(destination.server.as_str());
        let mut new = Vec::new();
        let mut writes: Vec<Write> = Vec::new();
        {
            let (backlog, marked) = (destination.backlog(), destination.marked());
            for (room_id, seq, pos) in backlog.newest() {
                if marked.get(room_id) != Some(&seq) {
                    let key = (destination.server.as_str(), room_id.as_str());
                    writes.push(put::<DestinationRoom>(
                        (slot,),
                        key,
                        &DestinationRoomRow { seq, pos },
                        stamp,
                    ));
                    new.push((room_id.clone(), seq));
                }
            }
        }
        if writes.is_empty() {
            return Ok(());
        }
        self.store.write(writes).await?;
        destination.marked().extend(new);
        Ok(())
    }

    /// Takes up what the process before has left behind.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn resume(&self) -> Result<(), RoomError> {
        let slots = || stream::iter(0..SLOTS as i64);
        let failing: Vec<_> = slots()
            .map(|slot| self.store.all::<DestinationTable>((slot,), ()))
            .buffer_unordered(READS_AT_ONCE)
            .try_collect()
            .await?;
        for ((server,), row) in failing.into_iter().flatten() {
            self.resume_failing(&server, &row);
        }
        let lacking: Vec<_> = slots()
            .map(|slot| self.store.all::<DestinationRoom>((slot,), ()))
            .buffer_unordered(READS_AT_ONCE)
            .try_collect()
            .await?;
        for ((server, room), DestinationRoomRow { seq, pos }) in lacking.into_iter().flatten() {
            self.resume_room(&server, &room, seq, pos);
        }
        let durable: Vec<_> = slots()
            .map(|slot| self.store.all::<OutboundEdu>((slot,), ()))
            .buffer_unordered(READS_AT_ONCE)
            .try_collect()
            .await?;
        for ((server, _), _) in durable.into_iter().flatten() {
            if let Ok(server) = OwnedServerName::try_from(server) {
                self.note_durable(&server);
            }
        }
        self.resume_events().await
    }

    fn resume_failing(&self, server: &str, row: &DestinationRow) {
        let Ok(server) = OwnedServerName::try_from(server) else { return };
        let left = Duration::from_millis(row.retry_at_ms.saturating_sub(self.clocks.now_ms()));
        let failing = Failing { failures: row.failures, until: Instant::now() + left };
        self.destination(&server).remembers(failing);
    }

    fn resume_room(&self, server: &str, room: &str, seq: i64, pos: i64) {
        let (Ok(server), Ok(room_id)) = (OwnedServerName::try_from(server), OwnedRoomId::try_from(room))
        else {
            return;
        };
        let destination = self.destination(&server);
        destination.backlog().note_event(&room_id, seq, pos);
        destination.marked().insert(room_id, seq);
        self.wake(&destination);
    }

    /// Hands the events above the checkpoint to their destinations.
    async fn resume_events(&self) -> Result<(), RoomError> {
        let row = self.store.get::<OutboundCheckpoint>((CHECKPOINT,), ()).await?;
        // Without one nothing was ever sent: this is the first start.
        let Some(OutboundCheckpointRow { pos: reached }) = row else { return Ok(()) };
        self.resume_key_changes(reached).await?;
        let now = self.clocks.now_ms() as i64 * 1_000;
        let first = reached.max(now - LIFE.as_micros() as i64).div_euclid(BUCKET);
        let last = now.div_euclid(BUCKET) + 1;
        let partitions = (first..=last).flat_map(|bucket| (0..SLOTS as i64).map(move |slot| (slot, bucket)));
        let rows: Vec<_> = stream::iter(partitions)
            .map(|partition| self.store.all::<OutboundEvent>(partition, ()))
            .buffered(READS_AT_ONCE)
            .try_collect::<Vec<_>>()
            .await
            .map_err(|error: StoreError| RoomError::from(error))?;
        for ((pos, room), row) in rows.into_iter().flatten() {
            if pos > reached
                && let Ok(room_id) = OwnedRoomId::try_from(room)
            {
                self.resume_event(&room_id, row.seq).await?;
            }
        }
        Ok(())
    }

    async fn resume_event(&self, room_id: &RoomId, seq: i64) -> Result<(), RoomError> {
        let view = match self.rooms.view(room_id).await {
            Ok(view) => view,
            Err(error @ RoomError::Unavailable { .. }) => return Err(error),
            Err(error) => {
                tracing::warn!(%room_id, %error, "events of a room cannot be sent again");
                return Ok(());
            }
        };
        for event in read_rows(&self.store, view.version, room_id, &[seq]).await? {
            self.announce_event(&view, &event);
        }
        Ok(())
    }
}
