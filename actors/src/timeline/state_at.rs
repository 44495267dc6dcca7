//! The room's state after an event: the current state, rewound by what changed since.

use std::{collections::BTreeMap, ops::Bound};

use playhouse_rules::{pdu::Pdu, state::RoomState};
use playhouse_storage::{
    IntoKey as _, Order, Slice, Store,
    tables::{
        RoomLog, StateChange,
        state_change::{CHANGE_BUCKET, Change},
    },
};

use crate::room::{
    RoomError, RoomView,
    load::{log_key, parse_row, read_event},
};

/// State changes read to answer one request.
const MOST_CHANGES: usize = 200_000;

/// The state after the log row `seq`.
///
/// # Errors
/// When the store does not answer, or the rewind would pass 200,000 changes.
pub async fn state_after(store: &Store, view: &RoomView, seq: i64) -> Result<RoomState, RoomError> {
    let mut state = view.state.clone();
    if seq >= view.head_seq {
        return Ok(state);
    }
    if view.tail_start() <= seq + 1 {
        for event in view.tail.iter().rev().take_while(|event| event.seq > seq) {
            for change in &event.changes {
                put_back(&mut state, &change.kind, &change.state_key, change.old.clone());
            }
        }
        return Ok(state);
    }
    // Of each key the oldest change after `seq` says what stood at `seq`.
    let mut oldest: BTreeMap<(String, String), Option<String>> = BTreeMap::new();
    for (_, change) in changes_between(store, view, seq, view.head_seq).await? {
        oldest.entry((change.kind, change.state_key)).or_insert(change.old);
    }
    for ((kind, state_key), old) in oldest {
        let old = match old {
            Some(event_id) => read_event(store, view.version, &event_id).await?.map(|(_, pdu)| pdu),
            None => None,
        };
        put_back(&mut state, &kind, &state_key, old);
    }
    Ok(state)
}

/// Undoes the change of one state key.
pub fn put_back(state: &mut RoomState, kind: &str, state_key: &str, old: Option<Pdu>) {
    match old {
        Some(old) => drop(state.insert(old)),
        None => drop(state.remove(kind, state_key)),
    }
}

/// The changes of log rows after `after` and up to `up_to`, oldest first.
///
/// # Errors
/// When the store does not answer, or there are more than 200,000.
pub async fn changes_between(
    store: &Store,
    view: &RoomView,
    after: i64,
    up_to: i64,
) -> Result<Vec<(i64, Change)>, RoomError> {
    let room = view.room_id.as_str();
    let mut changes = Vec::new();
    for bucket in (after + 1).div_euclid(CHANGE_BUCKET)..=up_to.div_euclid(CHANGE_BUCKET) {
        let slice = Slice {
            from: Bound::Excluded((after,).to_key()),
            to: Bound::Included((up_to,).to_key()),
            order: Order::Forward,
            limit: CHANGE_BUCKET as usize,
        };
        let (rows, _) = store.slice::<StateChange>((room, bucket), slice).await?;
        changes.extend(
            rows.into_iter().flat_map(|((seq,), row)| row.changes.into_iter().map(move |c| (seq, c))),
        );
        if changes.len() > MOST_CHANGES {
            return Err(RoomError::TooLarge("too much changed since then to answer".into()));
        }
    }
    Ok(changes)
}

/// The events that stand, of the keys that changed in log rows after `after` and up to `up_to`, as of `up_to`.
///
/// # Errors
/// When the store does not answer.
pub async fn changed_state(
    store: &Store,
    view: &RoomView,
    after: i64,
    up_to: i64,
) -> Result<Vec<Pdu>, RoomError> {
    let mut newest: BTreeMap<(String, String), Option<i64>> = BTreeMap::new();
    for (_, change) in changes_between(store, view, after, up_to).await? {
        newest.insert((change.kind, change.state_key), change.new);
    }
    let keys: Vec<_> =
        newest.into_values().flatten().map(|seq| log_key(view.room_id.as_str(), seq)).collect();
    let rows = store.multi_get::<RoomLog>(&keys).await?;
    rows.into_iter().flatten().map(|row| Ok(parse_row(view.version, row)?.1)).collect()
}
