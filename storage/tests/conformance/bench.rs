//! Where the laws are tried: an empty store of some kind, and its time.

use std::{pin::Pin, sync::Arc, time::Duration};

use playhouse_storage::{
    Backend,
    backends::{Adversity, FjallBackend, FjallOptions, MemoryBackend},
    clock::ManualClock,
};

use crate::cluster::Corner;

/// A law: panics if the store breaks it.
pub type Law = fn(Bench) -> Pin<Box<dyn Future<Output = ()>>>;

/// Laws by name.
pub type Laws = &'static [(&'static str, Law)];

/// A back end under test.
pub trait Subject {
    /// An empty store.
    fn open(&self) -> impl Future<Output = Bench>;
}

/// An empty store and its time.
pub struct Bench {
    pub store: Arc<dyn Backend>,
    pub time: Time,
    /// Shared, since a law captures only the parts of the bench that it uses, and the home must outlast them.
    pub home: Home,
}

/// What outlives a restart of the store.
#[derive(Clone)]
pub enum Home {
    /// Nothing: such a store has no restarts.
    None,
    /// Its folder.
    Folder(Arc<tempfile::TempDir>),
    /// Its corner of a keyspace.
    Corner(Corner),
}

impl Bench {
    /// The same store after a restart, where it outlives one.
    pub async fn restart(self) -> Self {
        match (self.home.clone(), self.time.clone()) {
            (Home::Folder(folder), Time::Hands(clock)) => {
                self.store.close().await;
                open_embedded(folder, clock)
            }
            (Home::Corner(corner), _) => {
                self.store.close().await;
                corner.open().await
            }
            _ => self,
        }
    }
}

/// The last moment of a life.
const MOMENT: Duration = Duration::from_millis(1);

/// How time passes for a store.
#[derive(Clone)]
pub enum Time {
    /// The test moves it.
    Hands(ManualClock),
    /// It passes by itself, in whole seconds.
    Wall,
}

impl Time {
    /// A life of a row that a test can see the end of.
    pub const fn short_life(&self) -> Duration {
        match self {
            Self::Hands(_) => Duration::from_mins(1),
            Self::Wall => Duration::from_secs(3),
        }
    }

    /// Lets half of a life pass, if it can, and says how much is left.
    pub fn half(&self, life: Duration) -> Duration {
        match self {
            Self::Hands(clock) => {
                clock.advance(life / 2);
                life / 2
            }
            Self::Wall => life,
        }
    }

    /// From the begin of a life to its last moment, or any before it.
    pub fn nearly_over(&self, life: Duration) {
        match self {
            Self::Hands(clock) => clock.advance(life.saturating_sub(MOMENT)),
            Self::Wall => {}
        }
    }

    /// From the last moment of a life to its end.
    pub async fn over(&self, life: Duration) {
        match self {
            Self::Hands(clock) => clock.advance(MOMENT),
            Self::Wall => tokio::time::sleep(life).await,
        }
    }

    /// Passes over a life that is too long to wait for; `false` where time takes its time.
    pub fn leap(&self, life: Duration) -> bool {
        match self {
            Self::Hands(clock) => {
                clock.advance(life);
                true
            }
            Self::Wall => false,
        }
    }
}

/// The memory back end without adversity.
pub struct Memory;

impl Subject for Memory {
    async fn open(&self) -> Bench {
        let clock = ManualClock::at(1_000);
        let store = MemoryBackend::new(1, Adversity::none()).with_clock(clock.clock());
        Bench { store: Arc::new(store), time: Time::Hands(clock), home: Home::None }
    }
}

/// The store on fjall.
pub struct Embedded;

impl Subject for Embedded {
    async fn open(&self) -> Bench {
        open_embedded(Arc::new(tempfile::tempdir().unwrap()), ManualClock::at(1_000))
    }
}

fn open_embedded(folder: Arc<tempfile::TempDir>, clock: ManualClock) -> Bench {
    let options = FjallOptions { clock: clock.clock(), ..FjallOptions::default() };
    let store = Arc::new(FjallBackend::open(folder.path(), options).unwrap());
    Bench { store, time: Time::Hands(clock), home: Home::Folder(folder) }
}

/// Runs `future` on a runtime of its own.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}
