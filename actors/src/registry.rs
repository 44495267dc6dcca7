//! The one address resolver (**I8**): finds the actor of an id, starts it once, lets idle ones go, and leaves those
//! alone that keep failing. On one machine every slot is here; with more, this is where a remote owner is found.

use std::{
    collections::VecDeque,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use dashmap::DashMap;
use parking_lot::Mutex;
use ractor::{ActorId, ActorRef, Message};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::error;

use crate::{
    metrics::{ActorKind, KindMetrics},
    supervision::{End, Supervision},
};

/// Failures within [`FAILURE_WINDOW`] that quarantine an id.
const FAILURES_TO_QUARANTINE: usize = 3;
const FAILURE_WINDOW: Duration = Duration::from_mins(1);
/// How long the start of an actor waits for one before it to end: both write the same rows.
const ENDING: Duration = Duration::from_secs(10);
/// How long a quarantine lasts.
const QUARANTINE: Duration = Duration::from_mins(5);

/// The actor of one id, or its empty place.
pub struct Place<M> {
    /// For the log alone.
    id: String,
    actor: ArcSwapOption<ActorRef<M>>,
    starting: tokio::sync::Mutex<()>,
    permits: Arc<Semaphore>,
    failures: Mutex<Failures>,
    last_used_ms: AtomicU64,
}

#[derive(Default)]
struct Failures {
    recent: VecDeque<Instant>,
    quarantined_until: Option<Instant>,
}

/// Why an actor cannot be had.
#[derive(Debug)]
pub enum NotAvailable<E> {
    /// It failed too often; try again after this time.
    Quarantined(Duration),
    /// The one before it has not ended yet.
    Ending,
    /// It did not start.
    NotStarted(E),
}

/// Every actor of one kind on this node.
pub struct Registry<M> {
    metrics: KindMetrics,
    kind: ActorKind,
    places: DashMap<String, Arc<Place<M>>>,
    permits_each: usize,
    epoch: Instant,
    supervision: Supervision,
}

impl<M: Message> Registry<M> {
    /// An empty registry that admits `permits_each` requests at a time to each actor (**I11**).
    pub fn new(kind: ActorKind, permits_each: usize, supervision: Supervision) -> Self {
        let metrics = KindMetrics::of(kind);
        Self { metrics, kind, places: DashMap::new(), permits_each, epoch: Instant::now(), supervision }
    }

    /// Metrics of this kind.
    pub const fn metrics(&self) -> &KindMetrics {
        &self.metrics
    }

    /// The supervision tree that starts happen under.
    pub const fn supervision(&self) -> &Supervision {
        &self.supervision
    }

    /// The place of an id.
    pub fn place(&self, id: &str) -> Arc<Place<M>> {
        if let Some(place) = self.places.get(id) {
            return Arc::clone(&place);
        }
        Arc::clone(&self.places.entry(id.to_owned()).or_insert_with(|| {
            Arc::new(Place {
                id: id.to_owned(),
                actor: ArcSwapOption::empty(),
                starting: tokio::sync::Mutex::new(()),
                permits: Arc::new(Semaphore::new(self.permits_each)),
                failures: Mutex::default(),
                last_used_ms: AtomicU64::new(0),
            })
        }))
    }

    /// A permit to ask the actor of this place something; `None` when too many wait already.
    pub fn admit(&self, place: &Place<M>) -> Option<OwnedSemaphorePermit> {
        let permit = Arc::clone(&place.permits).try_acquire_owned().ok();
        if permit.is_none() {
            self.metrics.refused.increment(1);
        }
        permit
    }

    /// The running actor, or one that `start` starts. One start at a time for each id, and not before the actor before it
    /// has finished what it was asked.
    ///
    /// # Errors
    /// [`NotAvailable`] when quarantined or when `start` fails.
    pub async fn actor<E, F, Fut>(
        &self,
        place: &Arc<Place<M>>,
        start: F,
    ) -> Result<ActorRef<M>, NotAvailable<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<ActorRef<M>, E>>,
    {
        place.last_used_ms.store(self.epoch.elapsed().as_millis() as u64, Ordering::Relaxed);
        if let Some(actor) = place.running() {
            return Ok(actor);
        }
        let _one_start = place.starting.lock().await;
        if let Some(actor) = place.running() {
            return Ok(actor);
        }
        if let Some(wait) = place.quarantine_left() {
            return Err(NotAvailable::Quarantined(wait));
        }
        if let Some(ending) = place.actor.load_full() {
            ending.wait(Some(ENDING)).await.map_err(|_| NotAvailable::Ending)?;
        }
        let actor = start().await.map_err(NotAvailable::NotStarted)?;
        self.metrics.alive.increment(1);
        place.actor.store(Some(Arc::new(actor.clone())));
        self.watch_end(place, actor.get_id());
        Ok(actor)
    }

    fn watch_end(&self, place: &Arc<Place<M>>, id: ActorId) {
        let (place, metrics, kind) = (Arc::clone(place), self.metrics.clone(), self.kind);
        let watcher = move |id: ActorId, end: End| {
            metrics.alive.decrement(1);
            place.forget(id);
            match end {
                End::Stopped => {}
                End::Reload => metrics.reloads.increment(1),
                End::Failed => {
                    metrics.failures.increment(1);
                    let id = &place.id;
                    error!(kind = kind.label(), id, "an actor failed and starts anew when it is asked for");
                    if place.note_failure() {
                        metrics.quarantines.increment(1);
                        error!(kind = kind.label(), id, "an actor is quarantined after repeated failures");
                    }
                }
            }
        };
        self.supervision.watch(id, Arc::new(watcher));
    }

    /// Drains the actors that were not used for `idle`, and forgets empty places.
    pub fn passivate(&self, idle: Duration, may_go: impl Fn(&str) -> bool) {
        let now = self.epoch.elapsed();
        let mut empty = Vec::new();
        for entry in &self.places {
            let used = Duration::from_millis(entry.last_used_ms.load(Ordering::Relaxed));
            if now.saturating_sub(used) < idle || !may_go(entry.key()) {
                continue;
            }
            match entry.running() {
                // Draining handles what was admitted; later casts fail and start anew.
                Some(actor) => drop(actor.drain()),
                None => empty.push(entry.key().clone()),
            }
        }
        for id in empty {
            self.places.remove_if(&id, |_, place| Arc::strong_count(place) == 1 && place.is_healthy());
        }
    }

    /// Forgets the place of an id that turned out to have nothing, so that asking for ids at random fills no memory.
    pub fn forget_empty(&self, id: &str) {
        const OURS_AND_THE_CALLERS: usize = 2;
        self.places.remove_if(id, |_, place| {
            Arc::strong_count(place) <= OURS_AND_THE_CALLERS
                && place.running().is_none()
                && place.is_healthy()
        });
    }

    /// Sets the gauges of messages that were admitted and not answered yet, and of ids in quarantine.
    pub fn report(&self) {
        let (mut waiting, mut quarantined) = (0, 0_u32);
        for place in &self.places {
            waiting += self.permits_each - place.permits.available_permits();
            quarantined += u32::from(place.quarantine_left().is_some());
        }
        self.metrics.waiting.set(waiting as f64);
        self.metrics.quarantined.set(quarantined);
    }

    /// Drains every actor and waits until they are gone or `deadline` has passed.
    pub async fn drain_all(&self, deadline: tokio::time::Instant) {
        let actors: Vec<_> = self.places.iter().filter_map(|entry| entry.running()).collect();
        for actor in &actors {
            let _ = actor.drain();
        }
        for actor in actors {
            let _ = tokio::time::timeout_at(deadline, actor.wait(None)).await;
        }
    }

    /// The ids with a running actor and when each was last used, oldest first.
    pub fn by_last_use(&self) -> Vec<String> {
        let mut running: Vec<(u64, String)> = self
            .places
            .iter()
            .filter(|entry| entry.running().is_some())
            .map(|entry| (entry.last_used_ms.load(Ordering::Relaxed), entry.key().clone()))
            .collect();
        running.sort_unstable();
        running.into_iter().map(|(_, id)| id).collect()
    }

    /// Drains one actor, if it runs.
    pub fn drain(&self, id: &str) {
        if let Some(actor) = self.places.get(id).and_then(|place| place.running()) {
            let _ = actor.drain();
        }
    }
}

impl<M: Message> Place<M> {
    /// The actor, if it takes messages.
    pub fn running(&self) -> Option<ActorRef<M>> {
        let actor = self.actor.load();
        actor.as_ref().filter(|actor| takes_messages(actor)).map(|actor| (**actor).clone())
    }

    /// Forgets the actor with this id, and no other.
    pub fn forget(&self, id: ActorId) {
        let present = self.actor.load_full();
        if present.as_ref().is_some_and(|actor| actor.get_id() == id) {
            self.actor.store(None);
        }
    }

    fn note_failure(&self) -> bool {
        let mut failures = self.failures.lock();
        let now = Instant::now();
        failures.recent.push_back(now);
        failures.recent.retain(|at| now.duration_since(*at) < FAILURE_WINDOW);
        let quarantine = failures.recent.len() >= FAILURES_TO_QUARANTINE;
        if quarantine {
            failures.quarantined_until = Some(now + QUARANTINE);
            failures.recent.clear();
        }
        quarantine
    }

    fn quarantine_left(&self) -> Option<Duration> {
        let until = self.failures.lock().quarantined_until?;
        until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    fn is_healthy(&self) -> bool {
        let failures = self.failures.lock();
        failures.recent.is_empty() && failures.quarantined_until.is_none_or(|until| until < Instant::now())
    }
}

fn takes_messages<M: Message>(actor: &ActorRef<M>) -> bool {
    matches!(
        actor.get_status(),
        ractor::ActorStatus::Unstarted
            | ractor::ActorStatus::Starting
            | ractor::ActorStatus::Running
            | ractor::ActorStatus::Upgrading
    )
}
