//! The newest version of every state key is the current state.

use std::collections::HashMap;

use super::{
    check::Ear,
    walk::{Walk, Walked},
};
use crate::{
    IntoKey as _, Row, Store, StoreError,
    key::{FromKey as _, Key},
    store::decode,
    table::Table,
    tables::{
        CurrentState, RoomHead, StateHistory, current_state::CurrentStateRow, state_history::StateHistoryRow,
    },
};

/// Rooms whose projected head is kept at hand.
const REMEMBERED_ROOMS: usize = 10_000;

/// A version of a state key.
struct Version {
    state_key: String,
    since: i64,
    row: StateHistoryRow,
}

pub(super) async fn check(store: &Store, ear: &mut Ear<'_>) -> Result<(), StoreError> {
    let mut walk = Walk::new(store, StateHistory::DEF);
    let mut heads = HashMap::new();
    let mut pending: Option<(Key, Version)> = None;
    while let Some(page) = walk.next().await? {
        // What cannot be read was told of with the rows.
        let Walked::Rows { partition, rows } = page else { continue };
        for version in rows.iter().filter_map(version) {
            // Versions come in order, so one that another key or partition follows is the newest of its key.
            if let Some((before, newest)) = pending.take()
                && (before != partition || newest.state_key != version.state_key)
            {
                newest_version(store, &before, &newest, &mut heads, ear).await?;
            }
            pending = Some((partition.clone(), version));
        }
    }
    match pending {
        Some((partition, newest)) => newest_version(store, &partition, &newest, &mut heads, ear).await,
        None => Ok(()),
    }
}

fn version(row: &Row) -> Option<Version> {
    let (state_key, since) = <StateHistory as Table>::Clustering::from_key(&row.clustering)?;
    Some(Version { state_key, since, row: decode::<StateHistory>(&row.value).ok()? })
}

async fn newest_version(
    store: &Store,
    partition: &Key,
    newest: &Version,
    heads: &mut HashMap<String, i64>,
    ear: &mut Ear<'_>,
) -> Result<(), StoreError> {
    let Some((room, kind, _)) = <StateHistory as Table>::Partition::from_key(partition) else {
        return Ok(());
    };
    // Current state beyond the projected head may be there without its version, or the other way round.
    let projected = projected_head(store, &room, heads).await?;
    let current = match store.get::<CurrentState>((&room,), (&kind, &newest.state_key)).await {
        Ok(current) => current,
        Err(StoreError::Corrupt { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    if newest.since > projected || current.as_ref().is_some_and(|current| current.seq > projected) {
        return Ok(());
    }
    if let Some(what) = difference(&newest.row, current.as_ref()) {
        ear.row(StateHistory::DEF, partition, &(&newest.state_key, newest.since).to_key(), what);
    }
    Ok(())
}

fn difference(newest: &StateHistoryRow, current: Option<&CurrentStateRow>) -> Option<String> {
    let current_id = current.map(|current| &current.event_id);
    if newest.event_id.as_ref() != current_id {
        return Some(format!(
            "the newest version is {:?}, the current state {current_id:?}",
            newest.event_id
        ));
    }
    let current = current?;
    (newest.seq != current.seq)
        .then(|| format!("the newest version is at {}, the current state says {}", newest.seq, current.seq))
}

async fn projected_head(
    store: &Store,
    room: &str,
    heads: &mut HashMap<String, i64>,
) -> Result<i64, StoreError> {
    if let Some(head) = heads.get(room) {
        return Ok(*head);
    }
    let head = match store.get::<RoomHead>((room,), ()).await {
        Ok(head) => head.map_or(-1, |head| head.projected_seq),
        Err(StoreError::Corrupt { .. }) => -1,
        Err(error) => return Err(error),
    };
    if heads.len() >= REMEMBERED_ROOMS {
        heads.clear();
    }
    heads.insert(room.to_owned(), head);
    Ok(head)
}
