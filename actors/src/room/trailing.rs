//! Projections that follow the answer, on a store that cannot write them with the append.
//!
//! A plain message is findable from the room's view while it is new, so its sender need not wait for the rows that find
//! it later: one conditional append, then the answer. What changes state, redacts or is read is waited for. If rows that
//! trail cannot be written the actor dies, and the next one replays them from the log (**I4**).

use std::collections::BTreeMap;

use playhouse_storage::{Store, StoreError, Write};
use tokio::task::JoinSet;

use super::machine::Draft;

/// The most events whose projections may trail: fewer than a view keeps, so that all of them are found there.
const MOST_EVENTS: usize = 100;

/// Whether the projections of a draft may trail.
pub(super) fn may_trail(draft: &Draft) -> bool {
    let plain = |event: &std::sync::Arc<super::RoomEvent>| !event.pdu.is_state() && event.changes.is_empty();
    draft.redactions.is_empty() && draft.receipts.is_empty() && draft.events.iter().all(plain)
}

/// The projections of a room that are being written.
#[derive(Default)]
pub(super) struct Trailing {
    /// Sequence numbers of the first and the last event of each write.
    under_way: BTreeMap<i64, i64>,
    writes: JoinSet<bool>,
}

impl Trailing {
    /// Up to where every projection is written, when the log was followed up to `head_seq`.
    pub fn projected(&self, head_seq: i64) -> i64 {
        self.under_way.keys().next().map_or(head_seq, |first| first - 1)
    }

    /// Whether the next commit must wait for one of these.
    pub fn is_full(&self) -> bool {
        let events: i64 = self.under_way.iter().map(|(first, last)| last - first + 1).sum();
        events >= MOST_EVENTS as i64
    }

    /// Starts to write the projections of the events from `first` to `last`; `ended` hears of the end.
    pub fn write(
        &mut self,
        store: &Store,
        (first, last): (i64, i64),
        writes: Vec<Write>,
        ended: impl FnOnce(Result<(), StoreError>) + Send + 'static,
    ) {
        self.under_way.insert(first, last);
        let store = store.clone();
        while self.writes.try_join_next().is_some() {}
        self.writes.spawn(async move {
            let outcome = store.write(writes).await;
            let written = outcome.is_ok();
            ended(outcome);
            written
        });
    }

    /// The write that began with `first` is done.
    pub fn ended(&mut self, first: i64) {
        self.under_way.remove(&first);
    }

    /// Waits for all of them; whether everything was written.
    pub async fn finish(&mut self) -> bool {
        let mut written = true;
        while let Some(outcome) = self.writes.join_next().await {
            written &= outcome.unwrap_or(false);
        }
        written
    }
}
