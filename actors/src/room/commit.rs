//! What a commit of a room writes: one conditional append, and the projections that follow from it (**I1**).
//!
//! A message costs its log row, its location and the room's head; no state rows (**I5**).

use playhouse_rules::{
    forward_extremities::{Extremities, Extremity},
    pdu::Pdu,
    state::RoomState,
};
use playhouse_storage::{
    Append, Guard, Key, Table as _, Write,
    key::IntoKey as _,
    store::{encode, put},
    tables::{
        CurrentState, EventLocation, OutboundEvent, Receipt, Redaction, RoomHead, RoomLog, StateChange,
        StateHistory, TransactionAnswer, UserRoom,
        current_state::CurrentStateRow,
        event_location::EventLocationRow,
        outbound_event::{self, OutboundEventRow},
        redaction::RedactionRow,
        room_head::RoomHeadRow,
        room_log::{RoomLogRow, bucket_of},
        state_change::{CHANGE_BUCKET, Change, StateChangeRow},
        state_history::{StateHistoryRow, shard_of},
        transaction::TransactionAnswerRow,
        user_room::UserRoomRow,
    },
};
use ruma::OwnedEventId;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::{clock::slot_of, ingest};

use super::{
    event::{RoomEvent, StateDelta},
    machine::Draft,
    view::RoomView,
};

/// What is stored beside the newest row of a log, atomically with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LogHead {
    /// The room version.
    pub version: String,
    /// The forward extremities: event id and depth.
    pub extremities: Vec<(OwnedEventId, u64)>,
    /// See [`RoomView::floor`].
    #[serde(default)]
    pub floor: u64,
}

impl LogHead {
    /// The head of the log of a room that looks like this.
    pub fn of(view: &RoomView) -> Self {
        let ends = view.extremities.iter();
        let extremities = ends.map(|extremity| (extremity.event_id.clone(), extremity.depth)).collect();
        Self { version: view.version.id().to_string(), extremities, floor: view.floor }
    }

    /// The extremities, as the room works with them.
    pub fn extremities(&self) -> Extremities {
        let stored = self.extremities.iter();
        stored.map(|(event_id, depth)| Extremity { event_id: event_id.clone(), depth: *depth }).collect()
    }
}

/// The log partition of a bucket.
pub fn log_partition(room: &str, bucket: i64) -> Key {
    (room, bucket).to_key()
}

/// The append of a draft's events, and the projections that ride on it. The events must all lie in one bucket and
/// follow `guard`.
pub fn append_of(
    view: &RoomView,
    head: &LogHead,
    draft: &Draft,
    guard: &Guard,
    projections: Vec<Write>,
) -> Option<Append> {
    let (first, last) = (draft.events.first()?, draft.events.last()?);
    let rows = draft.events.iter().map(|event| ((event.seq,).to_key(), encode(&log_row(event)))).collect();
    Some(Append {
        table: RoomLog::DEF,
        partition: log_partition(view.room_id.as_str(), bucket_of(first.seq)),
        fence: guard.fence,
        expected_head_seq: guard.head_seq,
        new_head_seq: last.seq,
        head: encode(head),
        rows,
        projections,
    })
}

fn log_row(event: &RoomEvent) -> RoomLogRow {
    RoomLogRow {
        event_id: event.pdu.event_id().to_string(),
        pos: event.pos,
        standing: event.pdu_standing_code(),
        overlay: ingest::state::encode(&event.overlay),
        resolved: resolved_of(event),
        stripped: event.stripped.as_deref().map(ToOwned::to_owned),
        goes_out: event.goes_out,
        after_gap: event.after_gap,
        transaction: event.transaction.clone(),
        pdu: event.pdu.json().to_owned(),
    }
}

/// The changes of a merge of forks, which cannot be told from the event alone.
fn resolved_of(event: &RoomEvent) -> Option<Box<RawValue>> {
    if event.changes_only_itself() {
        return None;
    }
    let changes: Vec<Change> = event.changes.iter().map(change_row).collect();
    to_raw_value(&changes).ok()
}

/// Everything that follows from a draft outside the log: idempotent, stamped with positions. The room's head says that
/// everything up to `projected_seq` is there.
pub fn projections_of(view: &RoomView, draft: &Draft, projected_seq: i64) -> Vec<Write> {
    let room = view.room_id.as_str();
    let mut writes = Vec::new();
    for event in &draft.events {
        project_event(view, event, &mut writes);
    }
    for (target, redaction) in &draft.redactions {
        let at = draft.events.iter().find(|event| event.pdu.event_id() == redaction.event_id());
        let Some(event) = at else { continue };
        let row = RedactionRow { event_id: redaction.event_id().to_string(), seq: event.seq };
        writes.push(put::<Redaction>((room,), (target.as_str(),), &row, event.pos));
    }
    for ((user, kind, thread), receipt) in &draft.receipts {
        writes.push(put::<Receipt>((room,), (user, kind, thread), receipt, receipt.pos));
    }
    writes.push(head_of(view, projected_seq));
    writes
}

/// The room's head, projected up to a sequence number.
pub fn head_of(view: &RoomView, projected_seq: i64) -> Write {
    let head = RoomHeadRow { version: view.version.id().to_string(), projected_seq, pos: view.pos };
    put::<RoomHead>((view.room_id.as_str(),), (), &head, view.pos)
}

fn project_event(view: &RoomView, event: &RoomEvent, writes: &mut Vec<Write>) {
    let (room, pos) = (view.room_id.as_str(), event.pos);
    let event_id = event.pdu.event_id().as_str();
    let location = EventLocationRow { room: room.to_owned(), seq: event.seq };
    writes.push(put::<EventLocation>((event_id,), (), &location, pos));
    if let Some(t) = &event.transaction {
        let answer = TransactionAnswerRow { event_id: Some(event_id.to_owned()) };
        let path = format!("{room}/{}", t.path);
        writes.push(put::<TransactionAnswer>((&t.user, &t.device), (path, &t.id), &answer, pos));
    }
    if event.goes_out {
        let partition = (slot_of(room) as i64, pos.div_euclid(outbound_event::BUCKET));
        writes.push(put::<OutboundEvent>(partition, (pos, room), &OutboundEventRow { seq: event.seq }, pos));
    }
    if event.changes.is_empty() {
        return;
    }
    for change in &event.changes {
        project_change(view, event, change, writes);
    }
    let row = StateChangeRow { changes: event.changes.iter().map(change_row).collect() };
    writes.push(put::<StateChange>((room, event.seq.div_euclid(CHANGE_BUCKET)), (event.seq,), &row, pos));
}

fn project_change(view: &RoomView, event: &RoomEvent, change: &StateDelta, writes: &mut Vec<Write>) {
    let (room, pos) = (view.room_id.as_str(), event.pos);
    let (kind, state_key) = (change.kind.as_str(), change.state_key.as_str());
    let stands = change.new.as_ref().map(|pdu| (pdu, change.seq));
    if let Some((pdu, seq)) = stands {
        let row = CurrentStateRow { event_id: pdu.event_id().to_string(), seq };
        writes.push(put::<CurrentState>((room,), (kind, state_key), &row, pos));
    } else {
        writes.push(playhouse_storage::store::delete::<CurrentState>((room,), (kind, state_key), pos));
    }
    let version = StateHistoryRow {
        event_id: stands.map(|(pdu, _)| pdu.event_id().to_string()),
        seq: change.seq,
        word: stands.and_then(|(pdu, _)| history_word(kind, pdu)),
    };
    let partition = (room, kind, shard_of(kind, state_key));
    writes.push(put::<StateHistory>(partition, (state_key, event.seq), &version, pos));
    if kind == "m.room.member"
        && let Some((pdu, seq)) = stands
        && let Some(membership) = pdu.membership()
    {
        let row = UserRoomRow {
            membership: membership.to_string(),
            event_id: pdu.event_id().to_string(),
            seq,
            pos,
            sender: pdu.sender().to_string(),
            stripped: event.stripped_for(&view.state, pdu),
            forgotten: false,
        };
        writes.push(put::<UserRoom>((state_key,), (room,), &row, pos));
    }
}

fn change_row(change: &StateDelta) -> Change {
    Change {
        kind: change.kind.clone(),
        state_key: change.state_key.clone(),
        new: change.new.as_ref().map(|_| change.seq),
        old: change.old.as_ref().map(|pdu| pdu.event_id().to_string()),
    }
}

/// What history checks ask of a version: the membership or the visibility that it set.
fn history_word(kind: &str, pdu: &Pdu) -> Option<String> {
    #[derive(Deserialize)]
    struct Content {
        history_visibility: Option<String>,
    }
    match kind {
        "m.room.member" => pdu.membership().map(ToString::to_string),
        "m.room.history_visibility" => pdu.content_as::<Content>().ok()?.history_visibility,
        _ => None,
    }
}

/// The kinds of state, with the empty state key, that whoever is invited or knocks is shown of a room.
pub const SHOWN_WITH_INVITES: [&str; 7] = [
    "m.room.create",
    "m.room.join_rules",
    "m.room.canonical_alias",
    "m.room.avatar",
    "m.room.encryption",
    "m.room.name",
    "m.room.topic",
];

/// The stripped state that an invited or knocking user sees; nothing for other memberships.
///
/// <https://spec.matrix.org/v1.19/client-server-api/#stripped-state>
pub fn stripped_for(state: &RoomState, member: &Pdu) -> Option<Box<RawValue>> {
    let membership = member.membership()?.to_string();
    if membership != "invite" && membership != "knock" {
        return None;
    }
    let mut events: Vec<Box<RawValue>> =
        SHOWN_WITH_INVITES.iter().filter_map(|kind| state.get(*kind, "")).map(Pdu::stripped).collect();
    if membership == "invite"
        && let Some(inviter) = state.get("m.room.member", member.sender().as_str())
        && inviter.event_id() != member.event_id()
    {
        events.push(inviter.stripped());
    }
    events.push(member.stripped());
    to_raw_value(&events).ok()
}
