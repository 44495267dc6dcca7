//! Servers that were not there: a request to one of them fails at once until its pause is over.

use std::{num::NonZeroUsize, time::Duration};

use lru::LruCache;
use parking_lot::Mutex;
use ruma::{OwnedServerName, ServerName};
use tokio::time::Instant;

/// The most servers that are remembered as not there.
const MOST_SERVERS: NonZeroUsize = NonZeroUsize::new(16_384).expect("not 0");
/// After the first failure; doubled with each that follows...
const FIRST: Duration = Duration::from_secs(2);
/// ...up to this.
const LONGEST: Duration = Duration::from_mins(10);

/// When which server may be tried again.
#[derive(Debug)]
pub(super) struct Pauses(Mutex<LruCache<OwnedServerName, Pause>>);

#[derive(Debug)]
struct Pause {
    until: Instant,
    failures: u32,
}

impl Default for Pauses {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(MOST_SERVERS)))
    }
}

impl Pauses {
    /// Whether a server is not to be tried now.
    pub(super) fn hold(&self, server: &ServerName) -> bool {
        self.0.lock().peek(server).is_some_and(|pause| Instant::now() < pause.until)
    }

    /// A server was not there.
    pub(super) fn begins(&self, server: &ServerName) {
        let mut pauses = self.0.lock();
        let failures = pauses.get(server).map_or(0, |pause| pause.failures);
        let length = FIRST.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(LONGEST);
        let pause = Pause { until: Instant::now() + length, failures: failures.saturating_add(1) };
        pauses.put(server.to_owned(), pause);
    }

    /// A server is there.
    pub(super) fn ends(&self, server: &ServerName) {
        self.0.lock().pop(server);
    }
}

#[cfg(test)]
mod tests {
    use ruma::server_name;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_server_that_was_not_there_is_left_alone_ever_longer_until_it_shows_itself() {
        let (pauses, server) = (Pauses::default(), server_name!("a.example"));
        for expected in [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600] {
            assert!(!pauses.hold(server));
            pauses.begins(server);
            tokio::time::advance(Duration::from_millis(expected * 1_000 - 1)).await;
            assert!(pauses.hold(server), "{expected}");
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        pauses.begins(server);
        pauses.ends(server);
        assert!(!pauses.hold(server));
        assert!(!pauses.hold(server_name!("b.example")));
    }
}
