//! Activation of a room: takes its log over, reads the current state and the log's tail.

use std::{collections::HashSet, sync::Arc};

use playhouse_rules::{
    pdu::{Pdu, PduStanding},
    room_version::RoomVersion,
};
use playhouse_storage::{
    Guard, IntoKey as _, Key, Store, StoreError, Table as _,
    tables::{
        CurrentState, EventLocation, Receipt, Redaction, RoomHead, RoomLog, StateChange,
        room_log::{BUCKET_ROWS, RoomLogRow, bucket_of},
        state_change::{CHANGE_BUCKET, Change},
    },
};
use ruma::{EventId, OwnedEventId, OwnedRoomId, RoomId, RoomVersionId};
use serde_json::value::RawValue;

use super::{
    RoomError,
    commit::{LogHead, log_partition},
    event::{RoomEvent, StateDelta},
    replay,
    view::{RoomView, TAIL_EVENTS, is_open},
};
use crate::push::PushMemo;
use crate::timeline::visibility::versions;

/// A room as its log says.
pub struct Loaded {
    /// The view.
    pub view: RoomView,
    /// The guard of the log's newest bucket, fenced by us.
    pub guard: Guard,
}

/// Loads a room and takes its log over. `found` is the version of a room that is about to be founded,
/// `stamp` orders the activation.
///
/// # Errors
/// [`RoomError::UnknownRoom`] if there is none and none is to be founded, [`RoomError::Corrupt`] for rows that do
/// not fit, [`RoomError::Unavailable`] when the store does not answer.
pub async fn load(
    store: &Store,
    room_id: &OwnedRoomId,
    found: Option<&'static RoomVersion>,
    stamp: i64,
) -> Result<Loaded, RoomError> {
    let hint = store.get::<RoomHead>((room_id.as_str(),), ()).await?;
    let Some((guard, head_seq)) =
        take_over(store, room_id, hint.as_ref().map_or(0, |h| h.projected_seq)).await?
    else {
        let version = found.ok_or(RoomError::UnknownRoom)?;
        let guard = store.backend().fence(RoomLog::DEF, &log_partition(room_id.as_str(), 0)).await?;
        replay::mark(store, room_id.as_str(), stamp).await?;
        let view = RoomView::unborn(room_id.clone(), version);
        return Ok(Loaded { view, guard });
    };
    let head: LogHead = serde_json::from_slice(&guard.head).map_err(corrupt)?;
    let version = version_of(&head.version)?;
    let mut view = RoomView::unborn(room_id.clone(), version);
    view.extremities = head.extremities();
    view.floor = head.floor;
    view.head_seq = hint.map_or(-1, |hint| hint.projected_seq).min(head_seq);
    load_state(store, &mut view).await?;
    replay::activated(store, &mut view, head_seq, stamp).await?;
    let visibilities = versions(store, room_id, "m.room.history_visibility", "").await?;
    view.history_always_open = visibilities.iter().all(|(_, word)| is_open(word));
    load_tail(store, &mut view).await?;
    load_redactions(store, &mut view).await?;
    for ((user, kind, thread), receipt) in store.all::<Receipt>((room_id.as_str(),), ()).await? {
        view.set_receipt((user, kind, thread), receipt);
    }
    view.event_pos = view.tail.back().map_or(0, |event| event.pos);
    view.pos = view.pos.max(view.event_pos);
    Ok(Loaded { view, guard })
}

/// Fences the newest bucket of the log, starting at the one that the projected head names.
async fn take_over(
    store: &Store,
    room_id: &RoomId,
    projected: i64,
) -> Result<Option<(Guard, i64)>, StoreError> {
    let mut bucket = bucket_of(projected.max(0));
    let partition = |bucket| log_partition(room_id.as_str(), bucket);
    let Some(mut guard) = store.backend().guard(RoomLog::DEF, &partition(bucket)).await? else {
        return Ok(None);
    };
    let Some(mut head_seq) = guard.head_seq else {
        // A founding of unknown outcome may still be under way; once fenced it has happened or never will.
        let fenced = store.backend().fence(RoomLog::DEF, &partition(bucket)).await?;
        return Ok(fenced.head_seq.map(|head_seq| (fenced, head_seq)));
    };
    while head_seq == (bucket + 1) * BUCKET_ROWS - 1
        && let Some(next) = store.backend().guard(RoomLog::DEF, &partition(bucket + 1)).await?
        && let Some(next_head) = next.head_seq
    {
        (bucket, guard, head_seq) = (bucket + 1, next, next_head);
    }
    let fenced = store.backend().fence(RoomLog::DEF, &partition(bucket)).await?;
    // Between the read and the fence another writer may have appended; the fenced guard is the truth.
    let head_seq = fenced.head_seq.unwrap_or(head_seq);
    drop(guard);
    Ok(Some((fenced, head_seq)))
}

fn version_of(id: &str) -> Result<&'static RoomVersion, RoomError> {
    let id = RoomVersionId::try_from(id).map_err(corrupt)?;
    RoomVersion::get(&id).ok_or_else(|| RoomError::Corrupt(format!("room version {id} is not supported")))
}

async fn load_state(store: &Store, view: &mut RoomView) -> Result<(), RoomError> {
    let room = view.room_id.to_string();
    let entries = store.all::<CurrentState>((&room,), ()).await?;
    let keys: Vec<Key2> = entries.iter().map(|(_, row)| log_key(&room, row.seq)).collect();
    let rows = store.multi_get::<RoomLog>(&keys).await?;
    for ((_, entry), row) in entries.iter().zip(rows) {
        let row =
            row.ok_or_else(|| RoomError::Corrupt(format!("state event {} is missing", entry.event_id)))?;
        view.state.insert(parse_row(view.version, row)?.1);
    }
    Ok(())
}

type Key2 = (Key, Key);

/// Where the log row of a sequence number is.
pub fn log_key(room: &str, seq: i64) -> Key2 {
    (log_partition(room, bucket_of(seq)), (seq,).to_key())
}

/// The row's event, without hashing it again: what the log holds was checked before it was written.
pub fn parse_row(version: &'static RoomVersion, row: RoomLogRow) -> Result<(RoomRowFacts, Pdu), RoomError> {
    let event_id = OwnedEventId::try_from(row.event_id.as_str()).map_err(corrupt)?;
    let pdu = Pdu::parse(version, row.pdu, Some(event_id)).map_err(corrupt)?;
    let standing = PduStanding::from_code(row.standing).ok_or_else(|| corrupt("unknown standing"))?;
    let RoomLogRow { pos, transaction, stripped, goes_out, after_gap, .. } = row;
    let stripped = stripped.map(Arc::from);
    let pdu = pdu.with_rejected(standing == PduStanding::Rejected);
    Ok((RoomRowFacts { pos, standing, transaction, stripped, goes_out, after_gap }, pdu))
}

/// What a log row says beside the event.
pub struct RoomRowFacts {
    /// The position.
    pub pos: i64,
    /// The standing.
    pub standing: PduStanding,
    /// The client's transaction.
    pub transaction: Option<playhouse_storage::tables::room_log::Transaction>,
    /// The room as it was described with a member event from outside.
    pub stripped: Option<Arc<RawValue>>,
    /// Whether other servers are sent it by this one.
    pub goes_out: bool,
    /// Whether a gap lies before it.
    pub after_gap: bool,
}

async fn load_tail(store: &Store, view: &mut RoomView) -> Result<(), RoomError> {
    let first = (view.head_seq + 1 - TAIL_EVENTS as i64).max(0);
    for event in read_events(store, view.version, &view.room_id, first, view.head_seq).await? {
        view.tail.push_back(Arc::new(event));
    }
    Ok(())
}

/// Reads the events of a range of the log with the state changes that they brought, oldest first. Both ends included.
pub async fn read_events(
    store: &Store,
    version: &'static RoomVersion,
    room_id: &RoomId,
    first: i64,
    last: i64,
) -> Result<Vec<RoomEvent>, RoomError> {
    let seqs: Vec<i64> = (first..=last).collect();
    read_rows(store, version, room_id, &seqs).await
}

/// Reads the events of these rows of the log with the state changes that they brought, in the same order.
pub async fn read_rows(
    store: &Store,
    version: &'static RoomVersion,
    room_id: &RoomId,
    seqs: &[i64],
) -> Result<Vec<RoomEvent>, RoomError> {
    let room = room_id.as_str();
    let keys: Vec<Key2> = seqs.iter().map(|seq| log_key(room, *seq)).collect();
    let rows = store.multi_get::<RoomLog>(&keys).await?;
    let change_key = |seq: i64| ((room, seq.div_euclid(CHANGE_BUCKET)).to_key(), (seq,).to_key());
    let change_keys: Vec<Key2> = seqs.iter().map(|seq| change_key(*seq)).collect();
    let changes = store.multi_get::<StateChange>(&change_keys).await?;
    let mut events = Vec::with_capacity(rows.len());
    for ((seq, row), change) in seqs.iter().copied().zip(rows).zip(changes) {
        let Some(row) = row else { continue };
        let (facts, pdu) = parse_row(version, row)?;
        let mut deltas = Vec::new();
        for change in change.map(|row| row.changes).unwrap_or_default() {
            deltas.push(delta_of(store, version, room, seq, &pdu, change).await?);
        }
        let RoomRowFacts { pos, standing, transaction, stripped, goes_out, after_gap } = facts;
        events.push(RoomEvent {
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
            changes: deltas,
            push: PushMemo::default(),
        });
    }
    Ok(events)
}

pub(super) async fn delta_of(
    store: &Store,
    version: &'static RoomVersion,
    room: &str,
    seq: i64,
    pdu: &Pdu,
    change: Change,
) -> Result<StateDelta, RoomError> {
    let old = match &change.old {
        Some(event_id) => read_event(store, version, event_id).await?.map(|(_, pdu)| pdu),
        None => None,
    };
    let new = match change.new {
        Some(new) if new == seq => Some(pdu.clone()),
        Some(new) => store
            .multi_get::<RoomLog>(&[log_key(room, new)])
            .await?
            .pop()
            .flatten()
            .map(|row| parse_row(version, row).map(|(_, pdu)| pdu))
            .transpose()?,
        None => None,
    };
    Ok(StateDelta {
        kind: change.kind,
        state_key: change.state_key,
        old,
        new,
        seq: change.new.unwrap_or(seq),
    })
}

/// The sequence number of an event in a room's log. The newest are in the view, and perhaps not yet in the store.
///
/// # Errors
/// When the store does not answer.
pub async fn place_of(store: &Store, view: &RoomView, event_id: &EventId) -> Result<Option<i64>, StoreError> {
    if let Some(event) = view.recent(event_id) {
        return Ok(Some(event.seq));
    }
    let place = store.get::<EventLocation>((event_id.as_str(),), ()).await?;
    Ok(place.filter(|place| place.room == view.room_id.as_str()).map(|place| place.seq))
}

/// Reads one event of the log by id, with its sequence number.
pub async fn read_event(
    store: &Store,
    version: &'static RoomVersion,
    event_id: &str,
) -> Result<Option<(i64, Pdu)>, RoomError> {
    let Some(place) = store.get::<EventLocation>((event_id,), ()).await? else { return Ok(None) };
    let row = store.multi_get::<RoomLog>(&[log_key(&place.room, place.seq)]).await?.pop().flatten();
    // The location may be an orphan of an append that never happened: the row itself decides.
    let Some(row) = row.filter(|row| row.event_id == event_id) else { return Ok(None) };
    Ok(Some((place.seq, parse_row(version, row)?.1)))
}

async fn load_redactions(store: &Store, view: &mut RoomView) -> Result<(), RoomError> {
    let shown = view.tail.iter().map(|event| event.pdu.event_id());
    let targets: HashSet<&EventId> = shown.chain(view.state.iter().map(Pdu::event_id)).collect();
    let targets: Vec<OwnedEventId> = targets.into_iter().map(ToOwned::to_owned).collect();
    let found = redactions_of(store, view.version, &view.room_id, &targets).await?;
    view.redactions.extend(found);
    Ok(())
}

/// The redactions of those of `targets` that are redacted.
pub async fn redactions_of(
    store: &Store,
    version: &'static RoomVersion,
    room_id: &RoomId,
    targets: &[OwnedEventId],
) -> Result<Vec<(OwnedEventId, Pdu)>, RoomError> {
    let room = room_id.as_str();
    let keys: Vec<Key2> = targets.iter().map(|id| ((room,).to_key(), (id.as_str(),).to_key())).collect();
    let rows = store.multi_get::<Redaction>(&keys).await?;
    let mut found = Vec::new();
    for (target, row) in targets.iter().zip(rows) {
        let Some(row) = row else { continue };
        if let Some((_, redaction)) = read_event(store, version, &row.event_id).await? {
            found.push((target.clone(), redaction));
        }
    }
    Ok(found)
}

fn corrupt(error: impl ToString) -> RoomError {
    RoomError::Corrupt(error.to_string())
}
