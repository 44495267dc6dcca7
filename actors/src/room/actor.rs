//! The ractor shell of a room: one commit in flight, everything else waits in the next draft.
//!
//! The actor never waits on anything but its own commit (**I3**), and even that runs beside it: requests that come
//! in meanwhile are applied to memory and ride in the next append. If an append is refused, or its outcome unknown,
//! the actor dies and the next request reloads the room from its log (**I4**).

use std::sync::Arc;

use playhouse_storage::tables::room_log::bucket_of;
use playhouse_storage::{Guard, Outcome, Store, StoreError, Table as _, tables::RoomLog};
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef};
use ruma::OwnedRoomId;

use super::{
    RoomError,
    commit::{LogHead, append_of, log_partition, projections_of},
    load::{self, Loaded},
    machine::{Draft, Room, Sent, Workshop},
    message::{EventReply, RoomMessage, Waiter},
    replay,
    settlement::Settlement,
    trailing::{Trailing, may_trail},
    view::RoomView,
};
use crate::{
    clock::Pending,
    hub::{HubHandle, RoomBatch},
    ingest::append::Verdict,
    metrics::Metrics,
    supervision::CommitLost,
};
use playhouse_rules::room_version::RoomVersion;
use tokio::sync::OwnedSemaphorePermit;

/// How a commit ended.
pub enum CommitResult {
    /// Durable; the guard after it.
    Applied(Draft, Guard),
    /// Refused, unknown or failed.
    Lost(Draft, String),
}

impl CommitResult {
    fn into_positions(self) -> Vec<Pending> {
        let (Self::Applied(draft, _) | Self::Lost(draft, _)) = self;
        draft.positions
    }
}

/// Tells the actor how its commit ended. One that is never read, because the actor died with it in the mailbox, lets
/// no position go: nobody publishes what may well be durable, but the next actor finds it.
pub struct CommitReport {
    /// There until it is taken.
    result: Option<CommitResult>,
    settlement: Settlement,
    room_id: OwnedRoomId,
    of: ActorId,
}

impl CommitReport {
    fn take(mut self) -> Option<CommitResult> {
        self.result.take()
    }
}

impl Drop for CommitReport {
    fn drop(&mut self) {
        if let Some(result) = self.result.take() {
            self.settlement.settle(self.room_id.clone(), self.of, result.into_positions());
        }
    }
}

/// What a room's actor starts with.
pub struct RoomArguments {
    /// The room.
    pub room_id: OwnedRoomId,
    /// The version of a room to be founded; `None` for one that must exist.
    pub found: Option<&'static RoomVersion>,
    /// The store.
    pub store: Store,
    /// What events are made with.
    pub workshop: Workshop,
    /// Where committed batches go.
    pub hub: HubHandle,
    /// Where commits of unknown outcome are settled.
    pub settlement: Settlement,
    /// Metrics.
    pub metrics: Arc<Metrics>,
}

/// The actor.
pub struct RoomActor;

/// The actor's memory.
pub struct RoomActorState {
    room: Room,
    activation: u64,
    guard: Guard,
    committing: bool,
    /// The sequence number of the newest committed event.
    committed_seq: i64,
    trailing: Trailing,
    store: Store,
    hub: HubHandle,
    settlement: Settlement,
    metrics: Arc<Metrics>,
}

impl Actor for RoomActor {
    type Msg = RoomMessage;
    type State = RoomActorState;
    type Arguments = RoomArguments;

    async fn pre_start(
        &self,
        _myself: ActorRef<RoomMessage>,
        arguments: RoomArguments,
    ) -> Result<RoomActorState, ActorProcessingErr> {
        let RoomArguments { room_id, found, store, workshop, hub, settlement, metrics } = arguments;
        let Loaded { view, guard } =
            load::load(&store, &room_id, found, workshop.clocks.stamp(room_id.as_str())).await?;
        let committed_seq = view.head_seq;
        let room = Room::new(view, workshop);
        let activation = hub.room_loaded(Arc::new(room.view.clone()));
        Ok(RoomActorState {
            room,
            activation,
            guard,
            committing: false,
            committed_seq,
            trailing: Trailing::default(),
            store,
            hub,
            settlement,
            metrics,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<RoomMessage>,
        message: RoomMessage,
        state: &mut RoomActorState,
    ) -> Result<(), ActorProcessingErr> {
        let metrics = Arc::clone(&state.metrics);
        let _timer = metrics.room_handle.start();
        state.room.seal_if_full();
        match message {
            RoomMessage::Send(request, permit, reply) => {
                let sent = state.room.send(*request);
                state.wait_for(sent, permit, reply);
            }
            RoomMessage::Membership(request, permit, reply) => {
                let sent = state.room.change_membership(*request);
                state.wait_for(sent, permit, reply);
            }
            RoomMessage::DraftMembership(request, permit, reply) => {
                match state.room.draft_membership(*request) {
                    Ok(pdu) => state.room.draft().waiters.push(Waiter::Drafted(Box::new(pdu), permit, reply)),
                    Err(refusal) => drop(reply.send(Err(refusal))),
                }
            }
            RoomMessage::Create(request, permit, reply) => {
                let sent = state.room.found(*request);
                let refused = sent.is_err();
                state.wait_for(sent, permit, reply);
                if refused {
                    return Err(CommitLost("the room was not founded".into()).into());
                }
            }
            RoomMessage::Import(request, permit, reply) => {
                let sent = state.room.import(*request);
                state.wait_for(sent, permit, reply);
            }
            RoomMessage::Outside(request, permit, reply) => {
                let sent = state.room.note_outside(*request);
                state.wait_for(sent, permit, reply);
            }
            RoomMessage::Ingest(event, permit, reply) => match state.room.ingest(*event) {
                Ok(Some(sent)) => {
                    let waiter = Waiter::Ingested(sent.into_event_id(), permit, reply);
                    state.room.draft().waiters.push(waiter);
                }
                Ok(None) => drop(reply.send(Ok(Verdict::Stale))),
                Err(refusal) => drop(reply.send(Err(refusal))),
            },
            RoomMessage::Receipt(key, receipt, permit, reply) => {
                state.room.set_receipt(key, receipt);
                state.room.draft().waiters.push(Waiter::Done(permit, reply));
            }
            RoomMessage::Typing { user, until_ms, permit, reply } => {
                state.room.set_typing(user, until_ms);
                state.room.draft().waiters.push(Waiter::Done(permit, reply));
            }
            RoomMessage::Committed(report) => state.committed(&myself, report)?,
            RoomMessage::Projected(first, outcome) => {
                outcome.map_err(|error| CommitLost(error.to_string()))?;
                state.trailing.ended(first);
            }
            RoomMessage::Tick => drop(state.room.expire_typing()),
            #[cfg(any(test, feature = "fault-injection"))]
            RoomMessage::Panic => panic!("injected"),
        }
        state.commit_next(&myself);
        Ok(())
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<RoomMessage>,
        state: &mut RoomActorState,
    ) -> Result<(), ActorProcessingErr> {
        // What was published and cannot be found in the rows yet is found in the view, which stays as long.
        if state.trailing.finish().await {
            let stamp = state.room.workshop.clocks.stamp(state.room.id().as_str());
            replay::passivated(&state.store, &state.room.view, stamp).await;
            state.hub.room_unloaded(state.room.id(), state.activation);
        }
        Ok(())
    }
}

impl RoomActorState {
    /// Answers a refusal at once, and an event once the commit that holds it is durable.
    fn wait_for(&mut self, sent: Result<Sent, RoomError>, permit: OwnedSemaphorePermit, reply: EventReply) {
        match sent {
            Ok(sent) => {
                let waiter = Waiter::Event(sent.into_event_id(), permit, reply);
                self.room.draft().waiters.push(waiter);
            }
            Err(refusal) => {
                let _ = reply.send(Err(refusal));
            }
        }
    }

    /// Starts the next commit, unless one is in flight or there is nothing to commit.
    fn commit_next(&mut self, myself: &ActorRef<RoomMessage>) {
        if self.committing || self.trailing.is_full(self.committed_seq) {
            return;
        }
        let Some(draft) = self.room.next_commit() else { return };
        self.committing = true;
        let (store, guard, myself) = (self.store.clone(), self.guard.clone(), myself.clone());
        let (metrics, settlement) = (Arc::clone(&self.metrics), self.settlement.clone());
        let room_id = self.room.id().clone();
        let projected = self.trailing.projected(self.committed_seq);
        tokio::spawn(async move {
            let timer = metrics.room_commit.start();
            let result = commit(&store, guard, draft, projected).await;
            drop(timer);
            let report = CommitReport { result: Some(result), settlement, room_id, of: myself.get_id() };
            // An actor that died meanwhile does not take it, and then it settles itself.
            let _ = myself.cast(RoomMessage::Committed(report));
        });
    }

    fn committed(
        &mut self,
        myself: &ActorRef<RoomMessage>,
        report: CommitReport,
    ) -> Result<(), ActorProcessingErr> {
        self.committing = false;
        match report.take() {
            None => Ok(()),
            Some(CommitResult::Applied(draft, guard)) => {
                self.guard = guard;
                self.trail(myself, &draft);
                self.publish(draft);
                Ok(())
            }
            Some(CommitResult::Lost(draft, why)) => {
                for waiter in draft.waiters {
                    waiter.answer(Err(RoomError::retry()));
                }
                for waiter in self.room.drafts.drain(..).flat_map(|draft| draft.waiters) {
                    waiter.answer(Err(RoomError::retry()));
                }
                self.settlement.settle(self.room.id().clone(), myself.get_id(), draft.positions);
                Err(CommitLost(why).into())
            }
        }
    }

    /// Notes that a draft was committed, and starts to write its projections if the commit did not.
    fn trail(&mut self, myself: &ActorRef<RoomMessage>, draft: &Draft) {
        let (Some(view), Some(first), Some(last)) = (&draft.after, draft.events.first(), draft.events.last())
        else {
            return;
        };
        self.committed_seq = last.seq;
        if self.store.backend().atomic_projections() || !may_trail(draft) {
            return;
        }
        let (first, myself) = (first.seq, myself.clone());
        let projected = self.trailing.projected(first - 1);
        let ended = move |outcome| drop(myself.cast(RoomMessage::Projected(first, outcome)));
        self.trailing.write(&self.store, first, projections_of(view, draft, projected), ended);
    }

    fn publish(&mut self, draft: Draft) {
        let Some(view) = draft.after else { return };
        self.metrics.events_persisted(&draft.events);
        self.hub.publish(RoomBatch {
            view: Arc::new(view),
            events: draft.events,
            positions: draft.positions,
            waiters: draft.waiters,
        });
    }
}

/// Makes a draft durable. `projected`: up to where the projections of what came before are written.
async fn commit(store: &Store, guard: Guard, draft: Draft, projected: i64) -> CommitResult {
    let Some(view) = &draft.after else {
        return CommitResult::Lost(draft, "the draft was not sealed".into());
    };
    if draft.events.is_empty() {
        return match write_only(store, view, &draft, projected).await {
            Ok(()) => CommitResult::Applied(draft, guard),
            Err(error) => CommitResult::Lost(draft, error.to_string()),
        };
    }
    let head = LogHead::of(view);
    let room = view.room_id.as_str();
    let guard = match guard_for(store, room, guard, draft.events[0].seq).await {
        Ok(Some(guard)) => guard,
        Ok(None) => return CommitResult::Lost(draft, "refused: another writer began the bucket".into()),
        Err(error) => return CommitResult::Lost(draft, error.to_string()),
    };
    let projections = if store.backend().atomic_projections() {
        projections_of(view, &draft, view.head_seq)
    } else if may_trail(&draft) {
        Vec::new()
    } else {
        projections_of(view, &draft, projected)
    };
    let Some(append) = append_of(view, &head, &draft, &guard, projections) else {
        return CommitResult::Lost(draft, "nothing to append".into());
    };
    let after = Guard { fence: guard.fence, head_seq: Some(append.new_head_seq), head: append.head.clone() };
    match store.backend().append(append).await {
        Ok(Outcome::Applied) => CommitResult::Applied(draft, after),
        Ok(Outcome::Refused) => CommitResult::Lost(draft, "refused: the room has another writer".into()),
        Ok(Outcome::Unknown) => CommitResult::Lost(draft, "of unknown outcome".into()),
        Err(error) => CommitResult::Lost(draft, error.to_string()),
    }
}

/// Receipts without events: idempotent writes that need no guard. Typing alone writes nothing.
async fn write_only(store: &Store, view: &RoomView, draft: &Draft, projected: i64) -> Result<(), StoreError> {
    if draft.receipts.is_empty() {
        return Ok(());
    }
    store.write(projections_of(view, draft, projected)).await
}

/// The guard of the bucket that `seq` falls in: the present one, or that of a new bucket, fenced. `None` where somebody
/// else has written into that bucket since we read the log: what is there is not to be written over.
async fn guard_for(store: &Store, room: &str, guard: Guard, seq: i64) -> Result<Option<Guard>, StoreError> {
    let same_bucket =
        guard.head_seq.map_or(guard.fence > 0 && seq == 0, |head| bucket_of(head) == bucket_of(seq));
    if same_bucket {
        return Ok(Some(guard));
    }
    let fenced = store.backend().fence(RoomLog::DEF, &log_partition(room, bucket_of(seq))).await?;
    Ok(Some(fenced).filter(|guard| guard.head_seq.is_none()))
}

#[cfg(test)]
mod tests;
