//! Who changed devices or keys, newest first in memory, older in the store.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::atomic::{AtomicI64, Ordering},
};

use parking_lot::RwLock;
use playhouse_storage::{
    Order, Slice, Store, StoreError, Write,
    key::IntoKey as _,
    store::put,
    tables::{DeviceChange, device_change::DeviceChangeRow},
};
use ruma::{OwnedUserId, UserId};

use crate::clock::day_of;

/// Changes kept in memory.
const KEPT: usize = 20_000;
/// Changes read from the store for one request; a client further behind is told to look at everyone.
const MOST_READ: usize = 20_000;
/// Rows of one read.
const PAGE_ROWS: usize = 1_000;

/// The changes of this node's users: who changed something, and who alone may hear of it.
#[derive(Debug)]
pub struct DeviceChangeLog {
    recent: RwLock<BTreeMap<(i64, OwnedUserId), Option<OwnedUserId>>>,
    /// The memory holds every change above this position.
    complete_above: AtomicI64,
}

/// Who changed something in a stretch of positions.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DeviceChanges {
    /// Users whose devices or keys changed, for all who share a room with them.
    pub changed: BTreeSet<OwnedUserId>,
    /// Users whose keys the reader signed.
    pub signed: BTreeSet<OwnedUserId>,
    /// There were more changes than one request may read: anyone may have changed something.
    pub incomplete: bool,
}

impl DeviceChanges {
    fn add(&mut self, user: OwnedUserId, only_for: Option<&str>, reader: &UserId) {
        match only_for {
            None => drop(self.changed.insert(user)),
            Some(only) if only == reader.as_str() => drop(self.signed.insert(user)),
            Some(_) => {}
        }
    }
}

/// The row that announces a change.
pub fn write_of(user: &UserId, pos: i64, row: &DeviceChangeRow) -> Write {
    put::<DeviceChange>((day_of(pos),), (pos, user.as_str()), row, pos)
}

impl DeviceChangeLog {
    /// A log that knows nothing at or below `now`.
    pub const fn new(now: i64) -> Self {
        Self { recent: RwLock::new(BTreeMap::new()), complete_above: AtomicI64::new(now) }
    }

    /// Notes a durable change.
    pub fn note(&self, pos: i64, user: &UserId, only_for: Option<&UserId>) {
        let mut recent = self.recent.write();
        recent.insert((pos, user.to_owned()), only_for.map(ToOwned::to_owned));
        if recent.len() > KEPT
            && let Some(((oldest, _), _)) = recent.pop_first()
        {
            self.complete_above.store(oldest, Ordering::Release);
        }
    }

    /// The position of the newest change; 0 if none happened in this process.
    pub fn newest(&self) -> i64 {
        self.recent.read().last_key_value().map_or(0, |((pos, _), _)| *pos)
    }

    /// Who changed something after `since` and up to `until`, as far as `reader` may hear of it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn between(
        &self,
        store: &Store,
        since: i64,
        until: i64,
        reader: &UserId,
    ) -> Result<DeviceChanges, StoreError> {
        let (mut changes, complete_above) = self.remembered(since, until, reader);
        if since < complete_above {
            read_stored(store, since, complete_above.min(until), reader, &mut changes).await?;
        }
        Ok(changes)
    }

    /// The changes in memory, and the position above which they are all there are.
    fn remembered(&self, since: i64, until: i64, reader: &UserId) -> (DeviceChanges, i64) {
        let recent = self.recent.read();
        let mut changes = DeviceChanges::default();
        for ((pos, user), only_for) in recent.iter().rev().take_while(|((pos, _), _)| *pos > since) {
            if *pos <= until {
                changes.add(user.clone(), only_for.as_ref().map(|only| only.as_str()), reader);
            }
        }
        (changes, self.complete_above.load(Ordering::Acquire))
    }
}

async fn read_stored(
    store: &Store,
    since: i64,
    until: i64,
    reader: &UserId,
    changes: &mut DeviceChanges,
) -> Result<(), StoreError> {
    // Rows live as long.
    const OLDEST_DAYS: i64 = 90;
    let first_day = day_of(since).max(day_of(until) - OLDEST_DAYS);
    changes.incomplete = first_day > day_of(since);
    let mut read = 0;
    for day in first_day..=day_of(until) {
        let mut from = Bound::Excluded((since,).to_key());
        loop {
            let to = Bound::Included((until,).to_key());
            let slice = Slice { from, to, order: Order::Forward, limit: PAGE_ROWS };
            let (rows, more) = store.slice::<DeviceChange>((day,), slice).await?;
            read += rows.len();
            if read > MOST_READ {
                changes.incomplete = true;
                return Ok(());
            }
            let last = rows.last().map(|((pos, user), _)| (*pos, user.clone()));
            for ((_, user), row) in rows {
                let Ok(user) = OwnedUserId::try_from(user) else { continue };
                changes.add(user, row.only_for.as_deref(), reader);
            }
            match last.filter(|_| more) {
                Some((pos, user)) => from = Bound::Excluded((pos, user).to_key()),
                None => break,
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use playhouse_storage::backends::{Adversity, MemoryBackend};
    use ruma::user_id;

    use super::*;
    use crate::clock::{DAY_MS, ms_to_pos};

    const NOW_MS: u64 = 1_800_000_000_000;

    fn at(minutes: u64) -> i64 {
        ms_to_pos(NOW_MS + minutes * 60_000)
    }

    async fn stored(changes: &[(i64, &UserId, Option<&UserId>)]) -> Store {
        let store = Store::new(MemoryBackend::new(1, Adversity::none()));
        let row = |only: Option<&UserId>| DeviceChangeRow {
            only_for: only.map(ToString::to_string),
            ..DeviceChangeRow::default()
        };
        let writes = changes.iter().map(|(pos, user, only)| write_of(user, *pos, &row(*only))).collect();
        store.write(writes).await.unwrap();
        store
    }

    #[tokio::test]
    async fn changes_in_memory_and_in_the_store_are_told_alike() {
        let (alice, bob, carol) = (user_id!("@a:test"), user_id!("@b:test"), user_id!("@c:test"));
        let all = [(at(1), alice, None), (at(2), bob, None), (at(3_000), carol, None)];
        let store = stored(&all).await;
        let remembering = DeviceChangeLog::new(at(0));
        for (pos, user, only) in &all {
            remembering.note(*pos, user, *only);
        }
        let restarted = DeviceChangeLog::new(at(4_000));

        for log in [remembering, restarted] {
            let between = log.between(&store, at(1), at(3_000), alice).await.unwrap();
            assert_eq!(between.changed, [bob.to_owned(), carol.to_owned()].into());
            let before = log.between(&store, at(0), at(2), alice).await.unwrap();
            assert_eq!(before.changed, [alice.to_owned(), bob.to_owned()].into());
        }
    }

    #[tokio::test]
    async fn only_the_signer_hears_of_a_signature() {
        let (alice, bob) = (user_id!("@a:test"), user_id!("@b:test"));
        let store = stored(&[(at(1), bob, Some(alice))]).await;
        let log = DeviceChangeLog::new(at(2));
        log.note(at(3), bob, Some(alice));

        let signer = log.between(&store, at(0), at(4), alice).await.unwrap();
        assert_eq!((signer.changed, signer.signed), (BTreeSet::new(), [bob.to_owned()].into()));
        assert_eq!(log.between(&store, at(0), at(4), bob).await.unwrap(), DeviceChanges::default());
    }

    #[tokio::test]
    async fn what_memory_no_longer_holds_is_read_from_the_store() {
        let (alice, bob) = (user_id!("@a:test"), user_id!("@b:test"));
        let store = stored(&[(at(1), alice, None)]).await;
        let log = DeviceChangeLog::new(at(0));
        log.note(at(1), alice, None);
        (0..KEPT as i64).for_each(|change| log.note(at(2) + change, bob, None));

        let changes = log.between(&store, at(0), at(3), alice).await.unwrap();
        assert_eq!(changes.changed, [alice.to_owned(), bob.to_owned()].into());
    }

    #[tokio::test]
    async fn a_token_older_than_the_log_may_have_missed_anything() {
        let store = stored(&[]).await;
        let log = DeviceChangeLog::new(at(0));

        let changes = log.between(&store, at(0) - ms_to_pos(100 * DAY_MS), at(0), user_id!("@a:test")).await;
        assert!(changes.unwrap().incomplete);
    }
}
