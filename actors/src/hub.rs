//! The node hub: takes each room's batches once and shares them with every user stream on the node (**I9**).
//!
//! Views are swapped by the room itself before the batch is cast, so a reader that finds a position delivered finds
//! the events too. A batch's positions stay in flight until the feeds know of it: commit before wake-up, always.

pub mod actor;
pub mod device_changes;
pub mod feed;

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, Weak},
};

use dashmap::DashMap;
use metrics::Gauge;
use ractor::ActorRef;
use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};

use crate::{
    clock::{Pending, slot_of},
    metrics::{ActorKind, Counted, KindMetrics},
    outbound::Outbound,
    room::{RoomEvent, RoomView, message::Waiter},
};
use actor::HubMessage;
pub use device_changes::DeviceChangeLog;
pub use feed::UserFeed;

/// What a room's commit brought.
pub struct RoomBatch {
    /// The room after it.
    pub view: Arc<RoomView>,
    /// The new events.
    pub events: Vec<Arc<RoomEvent>>,
    /// The positions, in flight until the feeds know.
    pub positions: Vec<Pending>,
    /// Who waits for the commit.
    pub waiters: Vec<Waiter>,
}

/// The hub's memory, shared by its shards and its readers.
pub struct Hub {
    rooms: DashMap<OwnedRoomId, HubRoom>,
    feeds: DashMap<OwnedUserId, Arc<UserFeed>>,
    /// What goes to other servers, where this one has dealings with them.
    outbound: OnceLock<Weak<Outbound>>,
}

#[derive(Default)]
struct HubRoom {
    view: Option<Arc<RoomView>>,
    /// Which activation the view comes from: one that ends late must not take away its successor's view.
    activation: u64,
    feeds: HashMap<OwnedUserId, Arc<UserFeed>>,
}

/// The hub's address.
#[derive(Clone)]
pub struct HubHandle {
    hub: Arc<Hub>,
    shards: Arc<Vec<arc_swap::ArcSwap<ActorRef<HubMessage>>>>,
    waiting: Gauge,
}

impl HubHandle {
    /// The address of a hub with running shards.
    pub(crate) fn new(hub: Arc<Hub>, shards: Vec<ActorRef<HubMessage>>) -> Self {
        let shards = shards.into_iter().map(arc_swap::ArcSwap::from_pointee).collect();
        let waiting = KindMetrics::of(ActorKind::Hub).waiting;
        Self { hub, shards: Arc::new(shards), waiting }
    }

    /// The hub's memory.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Publishes a durable batch: swaps the view and hands the batch to the room's shard.
    pub fn publish(&self, batch: RoomBatch) {
        self.hub.set_view(Arc::clone(&batch.view));
        let shard = &self.shards[slot_of(batch.view.room_id.as_str()) % self.shards.len()];
        let message = HubMessage::Batch(Box::new(batch), Counted::of(&self.waiting));
        if let Err(ractor::MessagingErr::SendErr(HubMessage::Batch(batch, _))) = shard.load().cast(message) {
            // The shard is being replaced: do its work here, late rather than never.
            self.hub.deliver(*batch);
        }
    }

    /// Makes the shard of a room panic, to prove that nothing is lost.
    #[cfg(any(test, feature = "fault-injection"))]
    pub fn inject_panic(&self, room_id: &RoomId) {
        let shard = &self.shards[slot_of(room_id.as_str()) % self.shards.len()];
        let _ = shard.load().cast(HubMessage::Panic);
    }

    /// Puts a replaced shard in.
    pub(crate) fn replace_shard(&self, index: usize, actor: ActorRef<HubMessage>) {
        self.shards[index].store(Arc::new(actor));
    }

    /// How many shards there are.
    pub(crate) fn shard_count(&self) -> usize {
        self.shards.len()
    }

    /// A room was activated; the answer names the activation.
    pub fn room_loaded(&self, view: Arc<RoomView>) -> u64 {
        let mut room = self.hub.rooms.entry(view.room_id.clone()).or_default();
        room.activation += 1;
        room.view = Some(view).filter(|view| view.head_seq >= 0);
        room.activation
    }

    /// An activation ended: its view goes, the subscriptions stay.
    pub fn room_unloaded(&self, room_id: &RoomId, activation: u64) {
        if let Some(mut room) = self.hub.rooms.get_mut(room_id).filter(|room| room.activation == activation) {
            room.view = None;
        }
        self.hub.forget_empty(room_id);
    }
}

impl Hub {
    /// An empty hub.
    pub fn new() -> Arc<Self> {
        Arc::new(Self { rooms: DashMap::new(), feeds: DashMap::new(), outbound: OnceLock::new() })
    }

    /// The view of an active room.
    pub fn view(&self, room_id: &RoomId) -> Option<Arc<RoomView>> {
        self.rooms.get(room_id)?.view.clone()
    }

    /// The feed of a user whose stream is active.
    pub fn feed(&self, user: &UserId) -> Option<Arc<UserFeed>> {
        self.feeds.get(user).map(|feed| Arc::clone(&feed))
    }

    /// Puts a newer view in; one that a successor has overtaken stays out.
    fn set_view(&self, view: Arc<RoomView>) {
        let mut room = self.rooms.entry(view.room_id.clone()).or_default();
        if room.view.as_ref().is_none_or(|present| present.pos <= view.pos) {
            room.view = Some(view);
        }
    }

    /// Registers a user's feed; from now on membership changes reach it. One that it takes the place of ends.
    pub fn open_feed(&self, feed: &Arc<UserFeed>) {
        if let Some(replaced) = self.feeds.insert(feed.user().to_owned(), Arc::clone(feed)) {
            replaced.close();
        }
    }

    /// Takes a user's feed out, and leaves one alone that took its place.
    pub fn close_feed(&self, feed: &Arc<UserFeed>) {
        self.feeds.remove_if(feed.user(), |_, present| Arc::ptr_eq(present, feed));
        for room_id in feed.joined_rooms() {
            if let Some(mut room) = self.rooms.get_mut(&room_id)
                && room.feeds.get(feed.user()).is_some_and(|present| Arc::ptr_eq(present, feed))
            {
                room.feeds.remove(feed.user());
            }
            self.forget_empty(&room_id);
        }
        feed.close();
    }

    /// Sends a room's activity to a feed from now on. Not to one that is closed: its successor may be subscribed already.
    pub fn subscribe(&self, room_id: &RoomId, feed: &Arc<UserFeed>) {
        let mut room = self.rooms.entry(room_id.to_owned()).or_default();
        if !feed.is_closed() {
            room.feeds.insert(feed.user().to_owned(), Arc::clone(feed));
        }
    }

    fn unsubscribe(&self, room_id: &RoomId, user: &UserId) {
        if let Some(mut room) = self.rooms.get_mut(room_id) {
            room.feeds.remove(user);
        }
        self.forget_empty(room_id);
    }

    /// Drops the entry of a room that nobody serves or follows.
    fn forget_empty(&self, room_id: &RoomId) {
        self.rooms.remove_if(room_id, |_, room| room.view.is_none() && room.feeds.is_empty());
    }

    /// The feeds that are subscribed to a room.
    pub fn subscribers(&self, room_id: &RoomId) -> Vec<Arc<UserFeed>> {
        self.rooms.get(room_id).map(|room| room.feeds.values().cloned().collect()).unwrap_or_default()
    }

    /// Wakes everyone who shares a room with the user of a feed.
    pub fn wake_sharers(&self, feed: &UserFeed) {
        for room_id in feed.joined_rooms() {
            for sharer in self.subscribers(&room_id) {
                sharer.wake();
            }
        }
    }

    /// The active rooms in which somebody types.
    pub fn rooms_with_typing(&self) -> Vec<OwnedRoomId> {
        let types = |room: &HubRoom| room.view.as_ref().is_some_and(|view| !view.typing.users.is_empty());
        self.rooms.iter().filter(|room| types(room)).map(|room| room.key().clone()).collect()
    }

    /// Every active feed.
    pub fn all_feeds(&self) -> Vec<Arc<UserFeed>> {
        self.feeds.iter().map(|feed| Arc::clone(&feed)).collect()
    }

    /// Marks the feeds of a batch, then answers those who wait for it, then wakes the readers.
    pub fn deliver(&self, batch: RoomBatch) {
        if let Some(outbound) = self.outbound() {
            outbound.announce(&batch);
        }
        let RoomBatch { view, events, positions, waiters } = batch;
        let changed = self.apply_memberships(&view, &events);
        let feeds = self.subscribers(&view.room_id);
        for feed in &feeds {
            feed.note_activity(&view.room_id, view.pos);
        }
        drop(positions);
        for waiter in waiters {
            waiter.answer(Ok(()));
        }
        for feed in feeds.iter().chain(&changed) {
            feed.wake();
        }
    }

    /// Shows the feeds what became of a commit of unknown outcome: `view` was loaded after it.
    pub fn settle(&self, view: &RoomView, positions: Vec<Pending>) {
        let events: Vec<_> = view.tail.iter().cloned().collect();
        let changed = self.apply_memberships(view, &events);
        let feeds = self.subscribers(&view.room_id);
        for feed in &feeds {
            feed.note_activity(&view.room_id, view.pos);
        }
        if let Some(outbound) = self.outbound() {
            outbound.announce_settled(view, &events, &positions);
        }
        drop(positions);
        for feed in feeds.iter().chain(&changed) {
            feed.wake();
        }
    }

    /// Has what goes out announced to `outbound` from now on.
    pub(crate) fn announces_to(&self, outbound: &Arc<Outbound>) {
        // Once for each hub.
        let _ = self.outbound.set(Arc::downgrade(outbound));
    }

    pub(crate) fn outbound(&self) -> Option<Arc<Outbound>> {
        self.outbound.get()?.upgrade()
    }

    /// Tells the feeds of users whose membership changed. A user who left hears of it, and of nothing after it.
    fn apply_memberships(&self, view: &RoomView, events: &[Arc<RoomEvent>]) -> Vec<Arc<UserFeed>> {
        let mut changed = Vec::new();
        for event in events {
            for change in event.changes.iter().filter(|change| change.kind == "m.room.member") {
                let Ok(user) = <&UserId>::try_from(change.state_key.as_str()) else { continue };
                let Some(feed) = self.feed(user) else { continue };
                let joined = feed.note_membership(view, event, change);
                if joined {
                    self.subscribe(&view.room_id, &feed);
                } else {
                    self.unsubscribe(&view.room_id, user);
                }
                changed.push(feed);
            }
        }
        changed
    }
}
