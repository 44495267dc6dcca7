//! What must hold between a room's log and the tables that follow from it, whatever the events say.
//!
//! A projection may be behind the log after a crash; what lies beyond the projected head is not missed here.

use std::{collections::BTreeSet, ops::Bound};

use super::check::Ear;
use crate::{
    IntoKey as _, Order, Row, Slice, Store, StoreError,
    key::{FromKey as _, Key},
    store::decode,
    table::Table,
    tables::{
        CurrentState, EventLocation, RoomHead, RoomLog, StateChange, StateHistory,
        room_log::{BUCKET_ROWS, RoomLogRow, bucket_of},
        state_change::CHANGE_BUCKET,
        state_history::shard_of,
    },
};

/// A room under check.
struct RoomCheck<'a, 'e> {
    store: &'a Store,
    room: &'a str,
    /// The newest sequence number that every projection has taken in.
    projected: i64,
    ear: &'a mut Ear<'e>,
}

/// The end of the log as far as it was read.
#[derive(Debug, Default)]
struct LogEnd {
    seq: Option<i64>,
    pos: Option<i64>,
    first: Option<i64>,
}

pub(super) async fn check(
    store: &Store,
    room: &str,
    buckets: &BTreeSet<i64>,
    ear: &mut Ear<'_>,
) -> Result<(), StoreError> {
    let partition = (room,).to_key();
    let head = store.get::<RoomHead>((room,), ()).await;
    let head = ear.unless_damaged(head, RoomHead::DEF, &partition)?.flatten();
    match (&head, buckets.is_empty()) {
        (None, false) => ear.partition(RoomHead::DEF, &partition, "is missing; the room has a log"),
        (Some(_), true) => ear.partition(RoomHead::DEF, &partition, "is there; the room has no log"),
        _ => {}
    }
    let projected = head.map_or(-1, |head| head.projected_seq);
    let mut check = RoomCheck { store, room, projected, ear };
    let mut end = LogEnd::default();
    for bucket in buckets {
        check.bucket(*bucket, buckets.contains(&(bucket + 1)), &mut end).await?;
    }
    if let Some(last) = end.seq
        && projected > last
    {
        check.ear.partition(RoomHead::DEF, &partition, format!("is at {projected}, the log ends at {last}"));
    }
    check.current_state().await?;
    if let (Some(first), Some(last)) = (end.first, end.seq) {
        check.state_changes(first, last).await?;
    }
    Ok(())
}

impl RoomCheck<'_, '_> {
    /// One bucket of the log: its rows, its guard, the locations of its events.
    async fn bucket(&mut self, bucket: i64, has_next: bool, end: &mut LogEnd) -> Result<(), StoreError> {
        let partition = (self.room, bucket).to_key();
        let rows = self.log_rows(&partition).await?;
        let Some(rows) = self.ear.unless_damaged(rows, RoomLog::DEF, &partition)? else {
            *end = LogEnd { seq: Some((bucket + 1) * BUCKET_ROWS - 1), ..LogEnd::default() };
            return Ok(());
        };
        for (seq, row) in &rows {
            self.log_row(&partition, bucket, *seq, row, end);
        }
        let guard = self.store.backend().guard(RoomLog::DEF, &partition).await;
        if let Some(guard) = self.ear.unless_damaged(guard, RoomLog::DEF, &partition)? {
            let (first, last) = (rows.first().map(|(seq, _)| *seq), rows.last().map(|(seq, _)| *seq));
            match guard.map(|guard| guard.head_seq) {
                None => self.ear.partition(RoomLog::DEF, &partition, "has rows and no guard"),
                // History from before our join grows downwards.
                Some(head) if head != last && (bucket >= 0 || head != first) => {
                    let what = format!("the guard's head is {head:?}, the last row {last:?}");
                    self.ear.partition(RoomLog::DEF, &partition, what);
                }
                Some(_) if has_next && last != Some((bucket + 1) * BUCKET_ROWS - 1) => {
                    self.ear.partition(RoomLog::DEF, &partition, "is not full, and a later one was begun");
                }
                Some(_) => {}
            }
        }
        self.locations(&rows).await
    }

    /// The rows of a bucket; those that do not decode were told of already and leave a gap here.
    async fn log_rows(
        &self,
        partition: &Key,
    ) -> Result<Result<Vec<(i64, RoomLogRow)>, StoreError>, StoreError> {
        // More than belong there, to come across those that do not.
        let limit = usize::try_from(2 * BUCKET_ROWS).unwrap_or(usize::MAX);
        let slice = Slice { from: Bound::Unbounded, to: Bound::Unbounded, order: Order::Forward, limit };
        let page = match self.store.backend().slice(RoomLog::DEF, partition, slice).await {
            Ok(page) => page,
            Err(error @ StoreError::Corrupt { .. }) => return Ok(Err(error)),
            Err(error) => return Err(error),
        };
        let typed = |row: &Row| {
            let (seq,) = <RoomLog as Table>::Clustering::from_key(&row.clustering)?;
            Some((seq, decode::<RoomLog>(&row.value).ok()?))
        };
        Ok(Ok(page.rows.iter().filter_map(typed).collect()))
    }

    fn log_row(&mut self, partition: &Key, bucket: i64, seq: i64, row: &RoomLogRow, end: &mut LogEnd) {
        let clustering = (seq,).to_key();
        if bucket_of(seq) != bucket {
            self.ear.row(
                RoomLog::DEF,
                partition,
                &clustering,
                format!("belongs in bucket {}", bucket_of(seq)),
            );
        }
        if let Some(before) = end.seq
            && seq != before + 1
        {
            self.ear.row(RoomLog::DEF, partition, &clustering, format!("follows {before}"));
        }
        if seq >= 0 {
            if let Some(before) = end.pos
                && row.pos <= before
            {
                let what = format!("has position {}, the event before it {before}", row.pos);
                self.ear.row(RoomLog::DEF, partition, &clustering, what);
            }
            end.pos = Some(row.pos);
        }
        end.seq = Some(seq);
        end.first.get_or_insert(seq);
    }

    /// Every event is found by its id where it is.
    async fn locations(&mut self, rows: &[(i64, RoomLogRow)]) -> Result<(), StoreError> {
        let projected: Vec<_> = rows.iter().filter(|(seq, _)| *seq <= self.projected).collect();
        let keys: Vec<(Key, Key)> =
            projected.iter().map(|(_, row)| ((row.event_id.as_str(),).to_key(), Key::new())).collect();
        let places = self.store.backend().multi_get(EventLocation::DEF, &keys).await;
        let bucket = keys.first().map(|(partition, _)| partition.clone()).unwrap_or_default();
        let Some(places) = self.ear.unless_damaged(places, EventLocation::DEF, &bucket)? else {
            return Ok(());
        };
        for (((seq, _), (partition, _)), place) in projected.iter().zip(&keys).zip(places) {
            let Some(place) = place else {
                self.ear.partition(
                    EventLocation::DEF,
                    partition,
                    format!("is missing; it is {} {seq}", self.room),
                );
                continue;
            };
            if let Ok(place) = decode::<EventLocation>(&place.value)
                && (place.room != self.room || place.seq != *seq)
            {
                let what = format!("points to {} {}; it is {} {seq}", place.room, place.seq, self.room);
                self.ear.partition(EventLocation::DEF, partition, what);
            }
        }
        Ok(())
    }

    /// Every current state event is in the log under the id that the state has, and is the newest version.
    async fn current_state(&mut self) -> Result<(), StoreError> {
        let partition = (self.room,).to_key();
        let rows = self.store.all::<CurrentState>((self.room,), ()).await;
        let Some(rows) = self.ear.unless_damaged(rows, CurrentState::DEF, &partition)? else { return Ok(()) };
        for ((kind, state_key), row) in rows {
            let clustering = (kind.as_str(), state_key.as_str()).to_key();
            match self.event_id_at(row.seq).await? {
                Some(event_id) if event_id == row.event_id => {}
                Some(other) => {
                    let what = format!("names {} at {}, the log has {other} there", row.event_id, row.seq);
                    self.ear.row(CurrentState::DEF, &partition, &clustering, what);
                }
                None => {
                    let what = format!("names {}, which the log does not have", row.seq);
                    self.ear.row(CurrentState::DEF, &partition, &clustering, what);
                }
            }
            if row.seq <= self.projected && !self.has_history(&kind, &state_key).await? {
                self.ear.row(
                    CurrentState::DEF,
                    &partition,
                    &clustering,
                    "has no version in the state history",
                );
            }
        }
        Ok(())
    }

    async fn has_history(&self, kind: &str, state_key: &str) -> Result<bool, StoreError> {
        let key = Bound::Included((state_key,).to_key());
        let newest = Slice { from: key.clone(), to: key, order: Order::Backward, limit: 1 };
        let partition = (self.room, kind, shard_of(kind, state_key)).to_key();
        match self.store.backend().slice(StateHistory::DEF, &partition, newest).await {
            Ok(page) => Ok(!page.rows.is_empty()),
            // Told of where the rows of that table are looked at.
            Err(StoreError::Corrupt { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    async fn event_id_at(&self, seq: i64) -> Result<Option<String>, StoreError> {
        match self.store.get::<RoomLog>((self.room, bucket_of(seq)), (seq,)).await {
            Ok(row) => Ok(row.map(|row| row.event_id)),
            Err(StoreError::Corrupt { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every state change belongs to an event of the log.
    async fn state_changes(&mut self, first: i64, last: i64) -> Result<(), StoreError> {
        for bucket in first.div_euclid(CHANGE_BUCKET)..=last.div_euclid(CHANGE_BUCKET) {
            let partition = (self.room, bucket).to_key();
            let rows = self.store.all::<StateChange>((self.room, bucket), ()).await;
            let Some(rows) = self.ear.unless_damaged(rows, StateChange::DEF, &partition)? else { continue };
            for ((seq,), row) in rows {
                let clustering = (seq,).to_key();
                if !(first..=last).contains(&seq) {
                    self.ear.row(StateChange::DEF, &partition, &clustering, "has no event in the log");
                }
                for change in row.changes.iter().filter_map(|change| change.new) {
                    if !(first..=last).contains(&change) {
                        let what = format!("names {change}, which the log does not have");
                        self.ear.row(StateChange::DEF, &partition, &clustering, what);
                    }
                }
            }
        }
        Ok(())
    }
}
