//! A shard of the hub: delivers the batches of its rooms in order.

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::{Hub, HubHandle, RoomBatch};
use crate::{
    metrics::{ActorKind, Counted, KindMetrics, Metrics},
    supervision::{End, Supervision},
};

/// Shards of a node's hub.
const SHARDS: usize = 4;

/// What a shard is told.
pub enum HubMessage {
    /// A room's batch to deliver, counted while it waits.
    Batch(Box<RoomBatch>, Counted),
    /// Panics, to prove that a panic loses nothing.
    #[cfg(any(test, feature = "fault-injection"))]
    Panic,
}

struct HubShard {
    hub: Arc<Hub>,
    metrics: Arc<Metrics>,
}

impl Actor for HubShard {
    type Msg = HubMessage;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _myself: ActorRef<HubMessage>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _myself: ActorRef<HubMessage>,
        message: HubMessage,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        let _timer = self.metrics.hub_handle.start();
        match message {
            HubMessage::Batch(batch, _counted) => self.hub.deliver(*batch),
            #[cfg(any(test, feature = "fault-injection"))]
            HubMessage::Panic => panic!("injected"),
        }
        Ok(())
    }
}

/// Starts the hub and its shards.
///
/// # Errors
/// If the runtime cannot spawn.
pub async fn start(supervision: &Supervision, metrics: &Arc<Metrics>) -> Result<HubHandle, ractor::SpawnErr> {
    let hub = Hub::new();
    let mut shards = Vec::with_capacity(SHARDS);
    for index in 0..SHARDS {
        shards.push(spawn(supervision, &hub, metrics, index).await?);
    }
    let handle = HubHandle::new(hub, shards.clone());
    for (index, shard) in shards.iter().enumerate() {
        watch(supervision, &handle, metrics, index, shard);
    }
    KindMetrics::of(ActorKind::Hub).alive.set(SHARDS as f64);
    Ok(handle)
}

async fn spawn(
    supervision: &Supervision,
    hub: &Arc<Hub>,
    metrics: &Arc<Metrics>,
    index: usize,
) -> Result<ActorRef<HubMessage>, ractor::SpawnErr> {
    let supervisor = supervision.of_slot(&format!("hub {index}")).await?;
    let shard = HubShard { hub: Arc::clone(hub), metrics: Arc::clone(metrics) };
    Actor::spawn_linked(None, shard, (), supervisor).await.map(|(actor, _)| actor)
}

/// Replaces a shard that failed. Its queued batches are gone, so every feed looks at all of its rooms again.
fn watch(
    supervision: &Supervision,
    handle: &HubHandle,
    metrics: &Arc<Metrics>,
    index: usize,
    shard: &ActorRef<HubMessage>,
) {
    debug_assert!(index < handle.shard_count());
    let (supervision, handle, metrics) = (supervision.clone(), handle.clone(), Arc::clone(metrics));
    let watcher_supervision = supervision.clone();
    let watcher = move |_, end| {
        if end == End::Stopped {
            return;
        }
        KindMetrics::of(ActorKind::Hub).failures.increment(1);
        let (supervision, handle, metrics) = (supervision.clone(), handle.clone(), Arc::clone(&metrics));
        tokio::spawn(async move {
            let Ok(shard) = spawn(&supervision, handle.hub(), &metrics, index).await else { return };
            watch(&supervision, &handle, &metrics, index, &shard);
            handle.replace_shard(index, shard);
            for feed in handle.hub().all_feeds() {
                feed.suspect_all();
                feed.wake();
            }
        });
    };
    watcher_supervision.watch(shard.get_id(), Arc::new(watcher));
}
