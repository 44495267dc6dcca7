//! The supervision tree: a root, a supervisor for each slot in use, and the actors of the slot below it.
//!
//! A supervisor restarts nothing eagerly: it tells the registry that an actor ended, and the next request starts a
//! new one from storage. So one bad room costs only itself (**I12**).

use std::sync::Arc;

use dashmap::DashMap;
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::sync::OnceCell;
use tracing::{error, info};

use crate::clock::{SLOTS, slot_of};

/// A commit was refused, failed, or its outcome is unknown: no fault of the actor, which just reloads (**I4**).
#[derive(Debug, thiserror::Error)]
#[error("the commit was lost: {0}")]
pub struct CommitLost(pub String);

/// How an actor ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As asked.
    Stopped,
    /// It lost a commit and reloads from the log.
    Reload,
    /// It panicked or failed.
    Failed,
}

/// Told when an actor ends.
pub type EndWatcher = Arc<dyn Fn(ActorId, End) + Send + Sync>;

/// The tree.
#[derive(Clone)]
pub struct Supervision {
    root: ActorCell,
    slots: Arc<Vec<OnceCell<ActorRef<()>>>>,
    watchers: Arc<DashMap<ActorId, EndWatcher>>,
}

struct Supervisor {
    watchers: Arc<DashMap<ActorId, EndWatcher>>,
}

impl Actor for Supervisor {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _myself: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<()>,
        event: SupervisionEvent,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(cell, reason) => {
                let end =
                    if reason.downcast_ref::<CommitLost>().is_some() { End::Reload } else { End::Failed };
                if end == End::Reload {
                    info!(%reason, "an actor reloads");
                } else {
                    error!(%reason, "an actor failed");
                }
                self.ended(cell.get_id(), end);
            }
            SupervisionEvent::ActorTerminated(cell, ..) => self.ended(cell.get_id(), End::Stopped),
            _ => {}
        }
        Ok(())
    }
}

impl Supervisor {
    fn ended(&self, id: ActorId, end: End) {
        if let Some((_, watcher)) = self.watchers.remove(&id) {
            watcher(id, end);
        }
    }
}

impl Supervision {
    /// Starts the root.
    ///
    /// # Errors
    /// If the runtime cannot spawn.
    pub async fn start() -> Result<Self, ractor::SpawnErr> {
        let watchers = Arc::new(DashMap::new());
        let supervisor = Supervisor { watchers: Arc::clone(&watchers) };
        let (root, _) = Actor::spawn(None, supervisor, ()).await?;
        let slots = (0..SLOTS).map(|_| OnceCell::new()).collect();
        Ok(Self { root: root.get_cell(), slots: Arc::new(slots), watchers })
    }

    /// The supervisor of the slot of `id`.
    ///
    /// # Errors
    /// If the runtime cannot spawn it.
    pub async fn of_slot(&self, id: &str) -> Result<ActorCell, ractor::SpawnErr> {
        let slot = &self.slots[slot_of(id)];
        let supervisor = slot
            .get_or_try_init(|| async {
                let supervisor = Supervisor { watchers: Arc::clone(&self.watchers) };
                Actor::spawn_linked(None, supervisor, (), self.root.clone()).await.map(|(actor, _)| actor)
            })
            .await?;
        Ok(supervisor.get_cell())
    }

    /// Calls `watcher` once when the actor ends.
    pub fn watch(&self, actor: ActorId, watcher: EndWatcher) {
        self.watchers.insert(actor, watcher);
    }
}
