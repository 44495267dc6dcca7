//! Stream positions: hybrid-logical-clock stamps issued per slot (**I7**).
//!
//! A user and a room each belong to one of [`SLOTS`] slots by hash of the id. A position is microseconds since the
//! epoch, strictly increasing in its slot: within a millisecond the rest counts, and a busy slot runs a little ahead.
//! So a position is also what CQL takes a write's timestamp to be. A slot knows which of its positions are still in
//! flight, so it can say below which position nothing will ever appear: the base of a sync token.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;

/// The number of slots, fixed for the life of a store.
pub const SLOTS: usize = 256;

/// Positions in a millisecond.
const PER_MS: i64 = 1_000;

/// Where time comes from; simulations bring their own.
pub trait WallClock: Send + Sync + 'static {
    /// Milliseconds since the epoch.
    fn now_ms(&self) -> u64;
}

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl WallClock for SystemClock {
    fn now_ms(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
    }
}

/// The slot of a room or user id: FNV-1a, which every node computes alike.
pub fn slot_of(id: &str) -> usize {
    let hash =
        id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    (hash % SLOTS as u64) as usize
}

/// The milliseconds since the epoch at which `pos` was issued (later, where the clock stood still).
pub const fn pos_to_ms(pos: i64) -> u64 {
    (pos / PER_MS) as u64
}

/// Milliseconds in a day.
pub const DAY_MS: u64 = 86_400_000;

/// The day since the epoch in which `pos` was issued: the partition of rows that are kept by day.
pub const fn day_of(pos: i64) -> i64 {
    (pos_to_ms(pos) / DAY_MS) as i64
}

/// The first position of a millisecond.
pub const fn ms_to_pos(ms: u64) -> i64 {
    ms as i64 * PER_MS
}

/// The clocks of all slots that this process owns.
pub struct SlotClocks {
    wall: Arc<dyn WallClock>,
    slots: Vec<Mutex<Slot>>,
    /// The oldest position in flight of each slot, or [`NONE`]; written under the slot's lock, read without.
    oldest: Vec<AtomicI64>,
    /// How many slots have something in flight; mostly none.
    busy: AtomicUsize,
    /// Nothing is issued at or below it: the highest position that was ever said to be closed.
    floor: AtomicI64,
    /// The highest position that was issued: the wall clock may be behind it for a while after a restart.
    highest: AtomicI64,
    /// No position's time passes this: it is persisted, so that a restart under a clock that jumped back issues
    /// higher positions than before.
    limit_ms: AtomicI64,
}

/// No position: above every one.
const NONE: i64 = i64::MAX;

struct Slot {
    last: i64,
    in_flight: BTreeSet<i64>,
}

impl std::fmt::Debug for SlotClocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SlotClocks").field("limit_ms", &self.limit_ms).finish_non_exhaustive()
    }
}

impl SlotClocks {
    /// Clocks that issue only above `floor`, the limit persisted by the process before this one.
    pub fn new(wall: Arc<dyn WallClock>, floor: i64) -> Arc<Self> {
        let slot = || Mutex::new(Slot { last: floor, in_flight: BTreeSet::new() });
        Arc::new(Self {
            wall,
            slots: (0..SLOTS).map(|_| slot()).collect(),
            oldest: (0..SLOTS).map(|_| AtomicI64::new(NONE)).collect(),
            busy: AtomicUsize::new(0),
            floor: AtomicI64::new(floor),
            highest: AtomicI64::new(floor),
            limit_ms: AtomicI64::new(i64::MAX),
        })
    }

    /// Milliseconds since the epoch.
    pub fn now_ms(&self) -> u64 {
        self.wall.now_ms()
    }

    /// The limit to persist now, in milliseconds since the epoch: `ahead` of the clock, if positions were issued since
    /// the present limit was set or it is not set yet. An idle server has nothing to persist.
    pub fn limit_to_persist(&self, ahead: Duration) -> Option<u64> {
        let limit = self.limit_ms.load(Ordering::Acquire);
        let issued = self.slots.iter().map(|slot| slot.lock().last).max().unwrap_or(0);
        let newest = issued.max(self.floor.load(Ordering::Acquire));
        let unset = limit == i64::MAX;
        let near = pos_to_ms(newest) as i64 + ahead.as_millis() as i64 / 2 > limit;
        (unset || near).then(|| self.now_ms().max(pos_to_ms(newest)) + ahead.as_millis() as u64)
    }

    /// Keeps positions at or below `limit_ms` until the next call; call it before it is reached.
    pub fn set_limit(&self, limit_ms: u64) {
        self.limit_ms.store(limit_ms as i64, Ordering::Release);
    }

    /// Issues `count` consecutive positions in the slot of `id`, as late as possible before a commit. They are in
    /// flight until the answer is dropped: after the commit *and* its publication.
    pub fn begin(self: &Arc<Self>, id: &str, count: usize) -> Pending {
        let slot = slot_of(id);
        let mut state = self.slots[slot].lock();
        let first = self.first_above_the_floor(slot, &state);
        state.last = first + count.max(1) as i64 - 1;
        state.in_flight.insert(first);
        // Only now that it shows as in flight: who reads it looks there afterwards.
        self.highest.fetch_max(state.last, Ordering::SeqCst);
        Pending { clocks: Arc::clone(self), slot, first }
    }

    /// Issues nothing at or below `pos` in the slot of `id` from now on: another process has been there, whose clock, or
    /// whose limit, was ahead of ours.
    pub fn pass(&self, id: &str, pos: i64) {
        let mut state = self.slots[slot_of(id)].lock();
        state.last = state.last.max(pos);
    }

    /// The next position of a slot, shown as in flight before it is certain that nobody closed it meanwhile: whoever
    /// raises the floor looks at the slots afterwards, so one of the two sees the other.
    fn first_above_the_floor(&self, slot: usize, state: &Slot) -> i64 {
        if state.in_flight.is_empty() {
            self.busy.fetch_add(1, Ordering::SeqCst);
        }
        loop {
            let floor = self.floor.load(Ordering::SeqCst);
            let first = self.now_pos().max(state.last + 1).max(floor + 1);
            if state.in_flight.is_empty() {
                self.oldest[slot].store(first, Ordering::SeqCst);
            }
            if self.floor.load(Ordering::SeqCst) < first {
                return first;
            }
        }
    }

    /// A position of its own for a write that nobody waits to see in order.
    pub fn stamp(self: &Arc<Self>, id: &str) -> i64 {
        self.begin(id, 1).first
    }

    /// The position at or below which every slot is closed: nothing there is in flight or will ever be issued.
    /// Every sync asks, so it takes no lock.
    pub fn closed(&self) -> i64 {
        let reached = self.now_pos().max(self.highest.load(Ordering::SeqCst));
        let floor = self.floor.fetch_max(reached, Ordering::SeqCst).max(reached);
        floor.min(self.oldest_in_flight() - 1)
    }

    /// How long the oldest position in flight has been so: nothing that comes after it is shown before it ends.
    pub fn oldest_open(&self) -> Duration {
        match self.oldest_in_flight() {
            NONE => Duration::ZERO,
            oldest => Duration::from_millis(self.now_ms().saturating_sub(pos_to_ms(oldest))),
        }
    }

    /// The oldest position in flight of all slots, or [`NONE`].
    fn oldest_in_flight(&self) -> i64 {
        if self.busy.load(Ordering::SeqCst) == 0 {
            return NONE;
        }
        self.oldest.iter().map(|oldest| oldest.load(Ordering::SeqCst)).min().unwrap_or(NONE)
    }

    /// The position up to which a slot without anything in flight may count now.
    fn now_pos(&self) -> i64 {
        let now = (self.wall.now_ms() as i64).min(self.limit_ms.load(Ordering::Acquire));
        ms_to_pos(now as u64)
    }
}

/// Positions in flight.
#[must_use = "the positions are in flight until this is dropped"]
pub struct Pending {
    clocks: Arc<SlotClocks>,
    slot: usize,
    first: i64,
}

impl Pending {
    /// The first of the positions; the others follow it.
    pub const fn first(&self) -> i64 {
        self.first
    }
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pending({})", self.first)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let mut state = self.clocks.slots[self.slot].lock();
        state.in_flight.remove(&self.first);
        let oldest = state.in_flight.first().copied().unwrap_or(NONE);
        self.clocks.oldest[self.slot].store(oldest, Ordering::SeqCst);
        if oldest == NONE {
            self.clocks.busy.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests;
