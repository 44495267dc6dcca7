//! What a crash may leave undone where the store's projections are not atomic with the append: an owner replays the
//! log from the projected head before anyone sees the room, and marks the room as active, so that the next owner
//! knows where to look.

use std::sync::Arc;

use playhouse_rules::pdu::{Pdu, PduStanding};
use playhouse_storage::{
    Store,
    store::{delete, put},
    tables::{ActiveRoom, RoomLog, active_room::ActiveRoomRow, state_change::Change},
};
use serde_json::value::RawValue;

use super::{
    RoomError,
    commit::{head_of, projections_of},
    event::{RoomEvent, StateDelta},
    load::{RoomRowFacts, delta_of, log_key, parse_row},
    machine::Draft,
    view::RoomView,
};
use crate::{clock::slot_of, push::PushMemo};

/// Log rows replayed in one write.
const CHUNK: i64 = 200;

/// Brings a view whose state stands at the projected head up to the log's head, and writes what is missing.
///
/// # Errors
/// When the store does not answer or a row cannot be read.
pub(super) async fn activated(
    store: &Store,
    view: &mut RoomView,
    head_seq: i64,
    stamp: i64,
) -> Result<(), RoomError> {
    mark(store, view.room_id.as_str(), stamp).await?;
    if store.backend().atomic_projections() {
        return Ok(());
    }
    while view.head_seq < head_seq {
        let last = (view.head_seq + CHUNK).min(head_seq);
        let draft = read_draft(store, view, last).await?;
        store.write(projections_of(view, &draft, view.head_seq)).await?;
    }
    Ok(())
}

/// Marks a room as active, one that is about to be founded too: what is acknowledged in it before it is let go must be
/// found by the next owner.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn mark(store: &Store, room: &str, stamp: i64) -> Result<(), RoomError> {
    if store.backend().atomic_projections() {
        return Ok(());
    }
    let slot = slot_of(room) as i64;
    Ok(store.write(vec![put::<ActiveRoom>((slot,), (room,), &ActiveRoomRow {}, stamp)]).await?)
}

/// Reads the rows up to `last` and applies them to the view's state.
async fn read_draft(store: &Store, view: &mut RoomView, last: i64) -> Result<Draft, RoomError> {
    let room = view.room_id.to_string();
    let keys: Vec<_> = (view.head_seq + 1..=last).map(|seq| log_key(&room, seq)).collect();
    let mut draft = Draft::default();
    for row in store.multi_get::<RoomLog>(&keys).await? {
        let seq = view.head_seq + 1;
        let row = row.ok_or_else(|| RoomError::Corrupt(format!("log row {seq} is missing")))?;
        let resolved = row.resolved.clone();
        let (facts, pdu) = parse_row(view.version, row)?;
        let mut changes = Vec::new();
        if let Some(resolved) = resolved {
            changes = merged(store, view, seq, &pdu, &resolved).await?;
        } else if facts.standing == PduStanding::Accepted
            && let Some(state_key) = pdu.state_key().map(ToOwned::to_owned)
        {
            let old = view.state.insert(pdu.clone());
            changes.push(StateDelta {
                kind: pdu.kind_str().to_owned(),
                state_key,
                old,
                new: Some(pdu.clone()),
                seq,
            });
        }
        if let Some(target) = pdu.redacts().filter(|_| pdu.kind_str() == "m.room.redaction") {
            draft.redactions.push((target.to_owned(), pdu.clone()));
        }
        view.head_seq = seq;
        view.event_pos = facts.pos;
        view.pos = view.pos.max(facts.pos);
        let RoomRowFacts { pos, standing, transaction, stripped, goes_out, after_gap } = facts;
        draft.events.push(Arc::new(RoomEvent {
            seq,
            pos,
            pdu,
            standing,
            transaction,
            overlay: Vec::new(),
            stripped,
            goes_out,
            after_gap,
            in_gap: None,
            changes,
            push: PushMemo::default(),
        }));
    }
    Ok(draft)
}

/// Applies the changes of a merge of forks, as the log row says them.
async fn merged(
    store: &Store,
    view: &mut RoomView,
    seq: i64,
    pdu: &Pdu,
    resolved: &RawValue,
) -> Result<Vec<StateDelta>, RoomError> {
    let changes: Vec<Change> =
        serde_json::from_str(resolved.get()).map_err(|error| RoomError::Corrupt(error.to_string()))?;
    let mut deltas = Vec::with_capacity(changes.len());
    for change in changes {
        let delta = delta_of(store, view.version, view.room_id.as_str(), seq, pdu, change).await?;
        match &delta.new {
            Some(new) => drop(view.state.insert(new.clone())),
            None => drop(view.state.remove(delta.kind.as_str(), &delta.state_key)),
        }
        deltas.push(delta);
    }
    Ok(deltas)
}

/// A room was let go in order: its head is exact and it is active no more. A failure only costs a replay.
pub(super) async fn passivated(store: &Store, view: &RoomView, stamp: i64) {
    if store.backend().atomic_projections() {
        return;
    }
    let slot = slot_of(view.room_id.as_str()) as i64;
    // A room that was never founded has no head.
    if view.head_seq < 0 || store.write(vec![head_of(view, view.head_seq)]).await.is_ok() {
        let _ = store.write(vec![delete::<ActiveRoom>((slot,), (view.room_id.as_str(),), stamp)]).await;
    }
}
