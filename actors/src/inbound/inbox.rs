//! What was answered and waits for its room.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use playhouse_rules::Pdu;
use playhouse_storage::{
    Store, StoreError, Write,
    store::{delete, put},
    tables::{
        Inbox,
        inbox::{BUCKET_MS, InboxRow, LIFE},
    },
};
use ruma::{OwnedRoomId, OwnedServerName, ServerName};

use crate::{
    Node,
    clock::{SLOTS, SlotClocks, slot_of},
    ingest::{Ingest, IngestError, Received, Source},
    room::{RoomError, Rooms},
};

/// The pause before an event is tried again that its room cannot take, doubled each time...
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// ...up to this.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// Partitions read at once at the start.
const READS_AT_ONCE: usize = 32;

/// An event that waits.
pub(crate) struct Staged {
    bucket: i64,
    stamp: i64,
    origin: OwnedServerName,
    pdu: Pdu,
}

/// Puts events where they wait; nothing is written yet.
pub(super) fn stage(node: &Node, origin: &ServerName, events: Vec<Pdu>) -> Vec<Staged> {
    let bucket = bucket_at(node.clocks().now_ms());
    let staged = |pdu: Pdu| {
        let stamp = node.clocks().stamp(pdu.room_id().as_str());
        Staged { bucket, stamp, origin: origin.to_owned(), pdu }
    };
    events.into_iter().map(staged).collect()
}

/// Gives events to their rooms in their order; what becomes of them nobody waits for.
pub(super) async fn hand_out(node: &Node, events: Vec<Staged>) {
    let desk = Arc::new(Desk::of(node));
    for event in events {
        desk.begin(event).await;
    }
}

/// Gives what the process before left behind to its rooms.
///
/// # Errors
/// The store does not answer.
pub(crate) async fn resume(node: &Node) -> Result<(), StoreError> {
    let now = bucket_at(node.clocks().now_ms());
    let oldest = now - LIFE.as_millis() as i64 / BUCKET_MS - 1;
    let partitions = (oldest..=now).flat_map(|bucket| (0..SLOTS as i64).map(move |slot| (slot, bucket)));
    let rows: Vec<_> = stream::iter(partitions)
        .map(|(slot, bucket)| async move {
            let rows = node.store().all::<Inbox>((slot, bucket), ()).await?;
            Ok::<_, StoreError>(
                rows.into_iter().map(move |(key, row)| (bucket, key, row)).collect::<Vec<_>>(),
            )
        })
        .buffered(READS_AT_ONCE)
        .try_collect()
        .await?;
    let desk = Arc::new(Desk::of(node));
    for (bucket, (stamp, _), row) in rows.into_iter().flatten() {
        if let Some(event) = staged_of(node.rooms(), bucket, stamp, row).await {
            desk.begin(event).await;
        } else {
            tracing::warn!("an event that waited for its room cannot be read any more");
        }
    }
    Ok(())
}

async fn staged_of(rooms: &Rooms, bucket: i64, stamp: i64, row: InboxRow) -> Option<Staged> {
    let room_id = OwnedRoomId::try_from(row.room).ok()?;
    let view = rooms.view(&room_id).await.ok()?;
    let pdu = Pdu::parse(view.version, row.pdu, None).ok()?;
    Some(Staged { bucket, stamp, origin: row.origin.try_into().ok()?, pdu })
}

const fn bucket_at(ms: u64) -> i64 {
    ms as i64 / BUCKET_MS
}

impl Staged {
    fn partition(&self) -> (i64, i64) {
        (slot_of(self.pdu.room_id().as_str()) as i64, self.bucket)
    }

    fn source(&self) -> Source {
        Source::Pushed(self.origin.clone())
    }

    /// The write that keeps it.
    pub(super) fn write(&self) -> Write {
        let row = InboxRow {
            room: self.pdu.room_id().to_string(),
            origin: self.origin.to_string(),
            pdu: self.pdu.json().to_owned(),
        };
        put::<Inbox>(self.partition(), (self.stamp, self.pdu.event_id().as_str()), &row, self.stamp)
    }
}

/// Gives events to their rooms, and takes them out of the inbox when these have dealt with them.
struct Desk {
    store: Store,
    clocks: Arc<SlotClocks>,
    ingest: Ingest,
}

impl Desk {
    fn of(node: &Node) -> Self {
        Self { store: node.store().clone(), clocks: Arc::clone(node.clocks()), ingest: node.ingest().clone() }
    }

    /// Puts an event into its room's queue, and sees to the rest on a task of its own.
    async fn begin(self: &Arc<Self>, event: Staged) {
        let answer = self.ingest.enqueue(event.pdu.clone(), event.source()).await;
        let desk = Arc::clone(self);
        tokio::spawn(async move {
            let outcome = match answer {
                Ok(answer) => answer.await,
                Err(error) => Err(error.into()),
            };
            desk.finish(event, outcome).await;
        });
    }

    async fn finish(&self, event: Staged, mut outcome: Result<Received, IngestError>) {
        let mut pause = FIRST_PAUSE;
        while let Err(IngestError::Room(error)) = &outcome {
            if is_final(error) {
                break;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            let room_id = event.pdu.room_id().to_owned();
            outcome = self.ingest.receive(&room_id, event.pdu.clone(), event.source()).await;
        }
        if let Err(error) = outcome {
            tracing::debug!(event_id = %event.pdu.event_id(), origin = %event.origin, %error, "an event is not taken");
        }
        let stamp = self.clocks.stamp(event.pdu.room_id().as_str());
        let key = (event.stamp, event.pdu.event_id().as_str());
        // What stays behind is dealt with again at the next start, which does no harm.
        if let Err(error) = self.store.write(vec![delete::<Inbox>(event.partition(), key, stamp)]).await {
            tracing::debug!(%error, "an event stays in the inbox");
        }
    }
}

/// Whether to try again cannot help.
const fn is_final(error: &RoomError) -> bool {
    !matches!(error, RoomError::Busy | RoomError::Unavailable { .. } | RoomError::Quarantined { .. })
}
