//! Where the laws are tried: an empty store of some kind, and a clock that the test moves.

use std::{pin::Pin, sync::Arc, time::Duration};

use playhouse_storage::{
    Backend,
    backends::{Adversity, FjallBackend, FjallOptions, MemoryBackend},
    clock::ManualClock,
};

/// A law: panics if the store breaks it.
pub type Law = fn(Bench) -> Pin<Box<dyn Future<Output = ()>>>;

/// Laws by name.
pub type Laws = &'static [(&'static str, Law)];

/// A back end under test.
pub trait Subject {
    /// An empty store.
    fn open(&self) -> Bench;
}

/// An empty store and its clock.
pub struct Bench {
    pub store: Arc<dyn Backend>,
    pub clock: ManualClock,
    /// Shared, since a law captures only the parts of the bench that it uses, and the folder must outlast them.
    pub folder: Option<Arc<tempfile::TempDir>>,
}

impl Bench {
    /// The same store after a restart, where it outlives one.
    pub async fn restart(self) -> Self {
        let Some(folder) = self.folder else { return self };
        self.store.close().await;
        open_embedded(folder, self.clock)
    }

    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

/// The memory back end without adversity.
pub struct Memory;

impl Subject for Memory {
    fn open(&self) -> Bench {
        let clock = ManualClock::at(1_000);
        let store = MemoryBackend::new(1, Adversity::none()).with_clock(clock.clock());
        Bench { store: Arc::new(store), clock, folder: None }
    }
}

/// The store on fjall.
pub struct Embedded;

impl Subject for Embedded {
    fn open(&self) -> Bench {
        open_embedded(Arc::new(tempfile::tempdir().unwrap()), ManualClock::at(1_000))
    }
}

fn open_embedded(folder: Arc<tempfile::TempDir>, clock: ManualClock) -> Bench {
    let options = FjallOptions { clock: clock.clock(), ..FjallOptions::default() };
    let store = Arc::new(FjallBackend::open(folder.path(), options).unwrap());
    Bench { store, clock, folder: Some(folder) }
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
