//! Projections that follow the answer, on a store that cannot write them with the append.
//!
//! A plain message is findable from the room's view while it is new, so its sender need not wait for the rows that find
//! it later: one conditional append, then the answer. What changes state, redacts or is read is waited for. If rows that
//! trail cannot be written the actor dies, and the next one replays them from the log (**I4**).

use std::{collections::BTreeSet, sync::Arc};

use playhouse_storage::{Store, StoreError, Write};
use tokio::task::JoinSet;

use super::{
    RoomEvent,
    machine::{DRAFT_EVENTS, Draft},
    view::TAIL_EVENTS,
};

/// How far the log may go on after the oldest event whose projections trail: with one more draft a view still keeps it.
const FARTHEST: i64 = (TAIL_EVENTS - DRAFT_EVENTS) as i64;

/// Whether the projections of a draft may trail.
pub(super) fn may_trail(draft: &Draft) -> bool {
    let plain = |event: &Arc<RoomEvent>| !event.pdu.is_state() && event.changes.is_empty();
    draft.redactions.is_empty() && draft.receipts.is_empty() && draft.events.iter().all(plain)
}

/// The projections of a room that are being written.
#[derive(Default)]
pub(super) struct Trailing {
    /// The sequence number of the first event of each write.
    under_way: BTreeSet<i64>,
    writes: JoinSet<bool>,
}

impl Trailing {
    /// Up to where every projection is written, when the log was followed up to `head_seq`.
    pub fn projected(&self, head_seq: i64) -> i64 {
        self.under_way.first().map_or(head_seq, |first| first - 1)
    }

    /// Whether the next commit must wait for one of these, when the log has come to `head_seq`.
    pub fn is_full(&self, head_seq: i64) -> bool {
        head_seq - self.projected(head_seq) >= FARTHEST
    }

    /// Starts to write the projections of the events from `first` on; `ended` hears of the end.
    pub fn write(
        &mut self,
        store: &Store,
        first: i64,
        writes: Vec<Write>,
        ended: impl FnOnce(Result<(), StoreError>) + Send + 'static,
    ) {
        self.under_way.insert(first);
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

#[cfg(test)]
mod tests {
    use playhouse_storage::backends::{Adversity, MemoryBackend};

    use super::*;

    #[tokio::test]
    async fn with_one_more_draft_a_view_still_keeps_what_trails() {
        let store = Store::new(MemoryBackend::new(1, Adversity::none()));
        let mut trailing = Trailing::default();
        assert!(!trailing.is_full(1_000));

        trailing.write(&store, 10, Vec::new(), |_| ());
        let last_seq = (10..1_000).find(|head_seq| trailing.is_full(*head_seq)).unwrap() - 1;
        assert!(last_seq + DRAFT_EVENTS as i64 - 10 < TAIL_EVENTS as i64);

        trailing.ended(10);
        assert!(!trailing.is_full(1_000));
        assert!(trailing.finish().await);
    }
}
