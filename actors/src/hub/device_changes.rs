//! Who changed devices or keys, newest first in memory, older in the store.

use std::{
    collections::BTreeSet,
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

use crate::clock::pos_to_ms;

/// Changes kept in memory.
const KEPT: usize = 20_000;
/// Changes read from the store for one request; a client further behind is told to look at everyone.
const MOST_READ: usize = 20_000;
const DAY_MS: u64 = 86_400_000;

/// The changes of this node's users.
#[derive(Debug)]
pub struct DeviceChangeLog {
    recent: RwLock<BTreeSet<(i64, OwnedUserId)>>,
    /// The memory holds every change above this position.
    complete_above: AtomicI64,
}

/// The day of a position, the partition of its row.
fn day_of(pos: i64) -> i64 {
    (pos_to_ms(pos) / DAY_MS) as i64
}

/// The row that announces a change.
pub fn write_of(user: &UserId, pos: i64) -> Write {
    put::<DeviceChange>((day_of(pos),), (pos, user.as_str()), &DeviceChangeRow {}, pos)
}

impl DeviceChangeLog {
    /// A log that knows nothing at or below `now`.
    pub const fn new(now: i64) -> Self {
        Self { recent: RwLock::new(BTreeSet::new()), complete_above: AtomicI64::new(now) }
    }

    /// Notes a durable change.
    pub fn note(&self, pos: i64, user: &UserId) {
        let mut recent = self.recent.write();
        recent.insert((pos, user.to_owned()));
        if recent.len() > KEPT
            && let Some((oldest, _)) = recent.pop_first()
        {
            self.complete_above.store(oldest, Ordering::Release);
        }
    }

    /// The position of the newest change; 0 if none happened in this process.
    pub fn newest(&self) -> i64 {
        self.recent.read().last().map_or(0, |(pos, _)| *pos)
    }

    /// The users who changed something after `since` and up to `until`, each once.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn between(
        &self,
        store: &Store,
        since: i64,
        until: i64,
    ) -> Result<BTreeSet<OwnedUserId>, StoreError> {
        let mut users = BTreeSet::new();
        let complete_above = self.complete_above.load(Ordering::Acquire);
        if since < complete_above {
            self.read_stored(store, since, complete_above.min(until), &mut users).await?;
        }
        let recent = self.recent.read();
        let changed =
            recent.iter().rev().take_while(|(pos, _)| *pos > since).filter(|(pos, _)| *pos <= until);
        users.extend(changed.map(|(_, user)| user.clone()));
        Ok(users)
    }

    async fn read_stored(
        &self,
        store: &Store,
        since: i64,
        until: i64,
        users: &mut BTreeSet<OwnedUserId>,
    ) -> Result<(), StoreError> {
        const OLDEST_DAYS: i64 = 90;
        let first_day = day_of(since).max(day_of(until) - OLDEST_DAYS);
        let mut read = 0;
        for day in first_day..=day_of(until) {
            let mut from = Bound::Excluded((since,).to_key());
            loop {
                let slice = Slice {
                    from,
                    to: Bound::Included((until,).to_key()),
                    order: Order::Forward,
                    limit: 1_000,
                };
                let (rows, more) = store.slice::<DeviceChange>((day,), slice).await?;
                read += rows.len();
                let last = rows.last().map(|((pos, user), _)| (*pos, user.clone()));
                users.extend(rows.into_iter().filter_map(|((_, user), _)| OwnedUserId::try_from(user).ok()));
                match last {
                    Some((pos, user)) if more && read < MOST_READ => {
                        from = Bound::Excluded((pos, user).to_key())
                    }
                    _ => break,
                }
            }
        }
        Ok(())
    }
}
