//! A bounded map whose values are locked one by one: who waits for a server's entry waits for nobody else's, and of many
//! who want the same answer one fetches it.

use std::{fmt, num::NonZeroUsize, sync::Arc};

use lru::LruCache;
use parking_lot::Mutex;
use ruma::{OwnedServerName, ServerName};

/// What is known of each of the servers asked about last.
pub(crate) struct Slots<V>(Mutex<LruCache<OwnedServerName, Arc<tokio::sync::Mutex<V>>>>);

impl<V: Default> Slots<V> {
    /// Room for `most` servers. The one unused for longest makes place for a new one; whoever holds its slot keeps it.
    pub(crate) fn new(most: NonZeroUsize) -> Self {
        Self(Mutex::new(LruCache::new(most)))
    }

    /// The slot of a server.
    pub(crate) fn of(&self, server: &ServerName) -> Arc<tokio::sync::Mutex<V>> {
        let mut slots = self.0.lock();
        Arc::clone(slots.get_or_insert_ref(server, Default::default))
    }
}

impl<V> fmt::Debug for Slots<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slots({})", self.0.lock().len())
    }
}
