//! A destination: its backlog, and whether it fails.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use parking_lot::{Mutex, MutexGuard};
use ruma::{OwnedRoomId, OwnedServerName};
use tokio::time::Instant;

use super::backlog::{Backlog, Taken};

/// The pause after the first failure; doubled with each that follows...
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// ...up to this.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// By how much of itself a pause is longer at most, so that those who failed together do not come back together.
const JITTER: f64 = 0.3;

/// One other server.
#[derive(Debug)]
pub(super) struct Destination {
    /// Its name.
    pub server: OwnedServerName,
    backlog: Mutex<Backlog>,
    failing: Mutex<Option<Failing>>,
    /// The rooms for which the store says that events are lacking, and up to which row.
    marked: Mutex<BTreeMap<OwnedRoomId, i64>>,
    is_queued: AtomicBool,
}

/// A destination that does not take what it is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failing {
    /// How often, since it last did.
    pub failures: u32,
    /// When it is tried again.
    pub until: Instant,
}

impl Destination {
    pub fn new(server: OwnedServerName) -> Self {
        Self {
            server,
            backlog: Mutex::default(),
            failing: Mutex::default(),
            marked: Mutex::default(),
            is_queued: AtomicBool::new(false),
        }
    }

    pub fn backlog(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock()
    }

    /// What goes into the next transaction.
    pub fn next(&self) -> Option<Taken> {
        self.backlog.lock().next()
    }

    pub fn marked(&self) -> MutexGuard<'_, BTreeMap<OwnedRoomId, i64>> {
        self.marked.lock()
    }

    /// Notes that its actor is to look at the backlog; whether nobody had noted that yet.
    pub fn enqueue(&self) -> bool {
        !self.is_queued.swap(true, Ordering::AcqRel)
    }

    /// Its actor begins to look at the backlog.
    pub fn dequeue(&self) {
        self.is_queued.store(false, Ordering::Release);
    }

    pub fn is_failing(&self) -> bool {
        self.failing.lock().is_some()
    }

    /// Whether it may be sent something now.
    pub fn is_due(&self) -> bool {
        self.failing.lock().is_none_or(|failing| failing.until <= Instant::now())
    }

    /// Notes a failure: how often it has failed by now, and the pause that follows.
    pub fn failed(&self) -> (u32, Duration) {
        let mut failing = self.failing.lock();
        let failures = failing.map_or(0, |failing| failing.failures).saturating_add(1);
        let factor = 1_u32.checked_shl(failures - 1).unwrap_or(u32::MAX);
        let pause = FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE);
        let pause = pause.mul_f64(1.0 + JITTER * rand::random::<f64>());
        *failing = Some(Failing { failures, until: Instant::now() + pause });
        (failures, pause)
    }

    /// Takes up a failure that an earlier process noted.
    pub fn remembers(&self, failing: Failing) {
        *self.failing.lock() = Some(failing);
    }

    /// It has taken something; whether it had failed before.
    pub fn succeeded(&self) -> bool {
        self.failing.lock().take().is_some()
    }

    /// It is tried at once, though it failed; whether it did. That it failed is remembered until it takes something.
    pub fn forgive(&self) -> bool {
        let mut failing = self.failing.lock();
        let Some(failing) = failing.as_mut() else { return false };
        *failing = Failing { failures: 0, until: Instant::now() };
        true
    }

    /// Its actor cannot be had now.
    pub fn put_off(&self) {
        self.dequeue();
        let mut failing = self.failing.lock();
        let failures = failing.map_or(0, |failing| failing.failures);
        *failing = Some(Failing { failures, until: Instant::now() + FIRST_PAUSE });
    }
}
