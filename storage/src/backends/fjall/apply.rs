//! What each write does: conditions are checked against the group so far and the database, effects go to the overlay.

use std::time::Duration;

use bytes::Bytes;
use fjall::Slice;

use super::{
    codec::{self, KeyRange, Own},
    envelope::{Envelope, decode_guard, encode_guard},
    overlay::Overlay,
    ranges::{self, Deleted},
    trees::{Trees, read_error},
};
use crate::{
    Append, Claim, Expect, Guard, Outcome, Stamp, StoreError, Write,
    key::Key,
    table::{Family, TableDef},
    tables,
};

/// How many rows a range deletion may remove in one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// A bounded number; more take further groups, so that others are not held up.
    Steps,
    /// All, since the deletion is a part of something atomic.
    AtOnce,
}

impl Pace {
    const fn rows(self) -> usize {
        match self {
            Self::Steps => 1_000,
            Self::AtOnce => usize::MAX,
        }
    }
}

/// Which tables ever had a range deleted; a put into any other need not look.
pub(super) struct Ranged([bool; 256]);

impl Ranged {
    pub fn load(trees: &Trees) -> fjall::Result<Self> {
        let mut ranged = Self([false; 256]);
        for table in tables::ALL {
            let start = Own::Ranges.key(&[&[table.id]]);
            let range = KeyRange { end: codec::successor(&start), start };
            if let Some(first) = trees.range(table.family, range).next() {
                first.key()?;
                ranged.0[usize::from(table.id)] = true;
            }
        }
        Ok(ranged)
    }
}

/// Whether an unconditional write is through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Done,
    /// It goes on in the next group.
    More,
}

/// One group of requests under way.
pub(super) struct Transaction<'a> {
    pub overlay: Overlay<'a>,
    pub ranged: &'a mut Ranged,
    pub now_ms: u64,
    pub grace: Duration,
}

impl Transaction<'_> {
    pub fn fence(&mut self, table: &'static TableDef, partition: &Key) -> Result<Guard, StoreError> {
        let before = self.guard(table, partition)?;
        let before = before.unwrap_or(Guard { fence: 0, head_seq: None, head: Bytes::new() });
        let guard = Guard { fence: before.fence + 1, ..before };
        self.overlay.set(table.family, codec::partition_key(table, partition), Some(encode_guard(&guard)));
        Ok(guard)
    }

    pub fn append(&mut self, append: &Append) -> Result<Outcome, StoreError> {
        let Append { table, partition, fence, .. } = append;
        let held = self.guard(table, partition)?;
        if held.is_none_or(|held| held.fence != *fence || held.head_seq != append.expected_head_seq) {
            return Ok(Outcome::Refused);
        }
        let guard = Guard { fence: *fence, head_seq: Some(append.new_head_seq), head: append.head.clone() };
        self.overlay.set(table.family, codec::partition_key(table, partition), Some(encode_guard(&guard)));
        for (clustering, value) in &append.rows {
            let key = codec::row_key(table, partition, clustering);
            self.set(
                table,
                key,
                &Envelope { tombstone: false, stamp: 0, expires_ms: self.expiry(table, None), value },
            );
        }
        Ok(Outcome::Applied)
    }

    pub fn claim(&mut self, claim: &Claim) -> Result<Outcome, StoreError> {
        let Claim { table, partition, .. } = claim;
        for (clustering, expected) in &claim.conditions {
            let stored = self.stored(table, &codec::row_key(table, partition, clustering))?;
            let row = stored.as_ref().map(|stored| envelope(table, stored)).transpose()?;
            let value = row.filter(|row| row.is_visible(self.now_ms)).map(|row| row.value);
            let holds = match expected {
                Expect::Absent => value.is_none(),
                Expect::Present => value.is_some(),
                Expect::Value(expected) => value == Some(&expected[..]),
            };
            if !holds {
                return Ok(Outcome::Refused);
            }
        }
        for (clustering, value) in &claim.writes {
            let key = codec::row_key(table, partition, clustering);
            match value {
                Some(value) => {
                    let expires_ms = self.expiry(table, None);
                    self.set(table, key, &Envelope { tombstone: false, stamp: 0, expires_ms, value });
                }
                None => self.overlay.set(table.family, key, None),
            }
        }
        Ok(Outcome::Applied)
    }

    pub fn write(&mut self, write: &Write, pace: Pace) -> Result<Progress, StoreError> {
        match write {
            Write::Put { table, partition, clustering, value, stamp, ttl } => {
                let expires_ms = self.expiry(table, *ttl);
                let row = Envelope { tombstone: false, stamp: *stamp, expires_ms, value };
                self.put(table, partition, clustering, &row)?;
            }
            Write::Delete { table, partition, clustering, stamp } => {
                let row = self.tombstone(*stamp);
                self.put(table, partition, clustering, &row)?;
            }
            Write::DeleteRange { table, partition, from, to, stamp } => {
                let range = codec::range(table, partition, from, to);
                let deleted = Deleted { stamp: *stamp, expires_ms: self.grace_ends(), range };
                return self.delete_range(table, partition, deleted, pace);
            }
        }
        Ok(Progress::Done)
    }

    /// Removes a row whose time, by the index of expiries, is over.
    pub fn sweep(&mut self, family: Family, index_key: Vec<u8>) -> Result<(), StoreError> {
        const PREFIX: usize = 2 + 8;
        let target = index_key.get(PREFIX..).unwrap_or_default().to_vec();
        self.overlay.set(family, index_key, None);
        let Some(stored) = self.overlay.get(family, &target).map_err(|e| read_error("expiry", &e))? else {
            return Ok(());
        };
        if target.starts_with(&Own::Ranges.key(&[])) {
            let mut deleted = ranges::decode(&stored).unwrap_or_default();
            deleted.retain(|one| one.expires_ms > self.now_ms);
            let value = (!deleted.is_empty()).then(|| ranges::encode(&deleted));
            self.overlay.set(family, target, value);
        } else if Envelope::decode(&stored).is_some_and(|row| row.is_over(self.now_ms)) {
            self.overlay.set(family, target, None);
        }
        Ok(())
    }

    fn guard(&self, table: &'static TableDef, partition: &Key) -> Result<Option<Guard>, StoreError> {
        let stored = self.stored(table, &codec::partition_key(table, partition))?;
        read_guard(table, stored.as_deref())
    }

    fn put(
        &mut self,
        table: &'static TableDef,
        partition: &Key,
        clustering: &Key,
        row: &Envelope<'_>,
    ) -> Result<(), StoreError> {
        let key = codec::row_key(table, partition, clustering);
        let stored = self.stored(table, &key)?;
        let stored = stored.as_ref().map(|stored| envelope(table, stored)).transpose()?;
        let late = stored.is_some_and(|stored| !row.replaces(&stored))
            || self.deleted_at(table, &key)?.is_some_and(|deleted| row.stamp <= deleted);
        if !late {
            self.set(table, key, row);
        }
        Ok(())
    }

    fn delete_range(
        &mut self,
        table: &'static TableDef,
        partition: &Key,
        deleted: Deleted,
        pace: Pace,
    ) -> Result<Progress, StoreError> {
        if deleted.range.is_empty() {
            return Ok(Progress::Done);
        }
        let mut doomed = Vec::new();
        for entry in self.overlay.range(table.family, &deleted.range) {
            let (key, stored) = entry.map_err(|error| read_error(table.name, &error))?;
            if envelope(table, &stored)?.stamp <= deleted.stamp {
                doomed.push(key);
            }
            if doomed.len() == pace.rows() {
                break;
            }
        }
        self.remember_range(table, partition, deleted)?;
        let progress = if doomed.len() == pace.rows() { Progress::More } else { Progress::Done };
        for key in doomed {
            self.overlay.set(table.family, key, None);
        }
        Ok(progress)
    }

    fn remember_range(
        &mut self,
        table: &'static TableDef,
        partition: &Key,
        new: Deleted,
    ) -> Result<(), StoreError> {
        let key = Own::Ranges.key(&[&codec::partition_key(table, partition)]);
        let expires_ms = new.expires_ms;
        let mut deleted = self.deleted_ranges(table, &key)?;
        ranges::add(&mut deleted, new, self.now_ms);
        self.index_expiry(table.family, expires_ms, &key);
        self.overlay.set(table.family, key, Some(ranges::encode(&deleted)));
        self.ranged.0[usize::from(table.id)] = true;
        Ok(())
    }

    /// The stamp of the newest range deletion that took the row in.
    fn deleted_at(&self, table: &'static TableDef, row_key: &[u8]) -> Result<Option<Stamp>, StoreError> {
        if !self.ranged.0[usize::from(table.id)] {
            return Ok(None);
        }
        let Some((_, clustering)) = codec::read(table.partition, &row_key[1..]) else {
            return Err(StoreError::corrupt(table.name, "a key that does not fit the table"));
        };
        let partition = &row_key[..row_key.len() - clustering.len()];
        let deleted = self.deleted_ranges(table, &Own::Ranges.key(&[partition]))?;
        Ok(ranges::stamp_of(&deleted, row_key, self.now_ms))
    }

    fn deleted_ranges(&self, table: &'static TableDef, key: &[u8]) -> Result<Vec<Deleted>, StoreError> {
        let Some(stored) = self.stored(table, key)? else { return Ok(Vec::new()) };
        ranges::decode(&stored).ok_or_else(|| StoreError::corrupt(table.name, "the list of deleted ranges"))
    }

    fn stored(&self, table: &'static TableDef, key: &[u8]) -> Result<Option<Slice>, StoreError> {
        self.overlay.get(table.family, key).map_err(|error| read_error(table.name, &error))
    }

    fn set(&mut self, table: &'static TableDef, key: Vec<u8>, row: &Envelope<'_>) {
        if row.expires_ms != 0 {
            self.index_expiry(table.family, row.expires_ms, &key);
        }
        self.overlay.set(table.family, key, Some(row.encode()));
    }

    fn index_expiry(&mut self, family: Family, expires_ms: u64, key: &[u8]) {
        let index_key = Own::Expiry.key(&[&expires_ms.to_be_bytes(), key]);
        self.overlay.set(family, index_key, Some(Slice::empty()));
    }

    fn tombstone(&self, stamp: Stamp) -> Envelope<'static> {
        Envelope { tombstone: true, stamp, expires_ms: self.grace_ends(), value: &[] }
    }

    fn grace_ends(&self) -> u64 {
        self.now_ms.saturating_add(millis(self.grace)).max(1)
    }

    /// When a row written now expires: by its own life or the table's, whichever is shorter; 0 for never.
    fn expiry(&self, table: &TableDef, ttl: Option<Duration>) -> u64 {
        let life = ttl.into_iter().chain(table.ttl).min();
        life.map_or(0, |life| self.now_ms.saturating_add(millis(life)).max(1))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn envelope<'a>(table: &'static TableDef, stored: &'a [u8]) -> Result<Envelope<'a>, StoreError> {
    Envelope::decode(stored).ok_or_else(|| StoreError::corrupt(table.name, "a value that is no row"))
}

pub(super) fn read_guard(
    table: &'static TableDef,
    stored: Option<&[u8]>,
) -> Result<Option<Guard>, StoreError> {
    let Some(stored) = stored else { return Ok(None) };
    decode_guard(stored).map(Some).ok_or_else(|| StoreError::corrupt(table.name, "a value that is no guard"))
}
