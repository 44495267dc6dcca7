//! The room as a pure state machine: validates requests against memory and applies them speculatively.
//!
//! No I/O and no waiting. What it applied collects in a [`Draft`], which the actor commits; if the commit does not
//! happen the whole machine is thrown away (**I4**), so there is no roll-back here.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use playhouse_rules::{
    builder::EventSigner,
    pdu::{Pdu, PduStanding},
};
use playhouse_storage::tables::{
    receipt::ReceiptRow,
    room_log::{Transaction, bucket_of},
};
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};
use serde_json::value::RawValue;

use super::{
    event::{RoomEvent, StateDelta},
    message::Waiter,
    view::{ReceiptKey, RoomView, TAIL_EVENTS, is_open},
};
use crate::{
    clock::{Pending, SlotClocks},
    outbound::recipients,
    push::PushMemo,
};

/// Transactions that the machine remembers; older ones are found in the transaction table.
const REMEMBERED_TRANSACTIONS: usize = 4_096;

/// The most events of a draft: many rooms share a commit, and no view may lose sight of what trails a commit.
pub const DRAFT_EVENTS: usize = 64;
/// The bytes of events at which a draft is full: an append stays far below what a cluster takes in one request.
const DRAFT_BYTES: usize = 512 * 1024;

/// What everything in a room is made with.
#[derive(Clone)]
pub struct Workshop {
    /// Signs events.
    pub signer: Arc<dyn EventSigner>,
    /// Issues positions.
    pub clocks: Arc<SlotClocks>,
}

/// A room with everything applied so far, committed or not.
pub struct Room {
    /// The speculative view; published once its commit is durable.
    pub view: RoomView,
    /// What was applied and is not in a commit yet, oldest first: no draft touches two log buckets, and none grows for
    /// ever.
    pub drafts: VecDeque<Draft>,
    pub(super) workshop: Workshop,
    transactions: HashMap<Transaction, OwnedEventId>,
    transaction_order: VecDeque<Transaction>,
}

/// Changes that one commit makes durable.
#[derive(Default)]
pub struct Draft {
    /// The room after them, set when the draft is sealed.
    pub after: Option<RoomView>,
    /// Events, in log order.
    pub events: Vec<Arc<RoomEvent>>,
    /// Bytes of their JSON.
    pub bytes: usize,
    /// Redactions among them: target and redaction.
    pub redactions: Vec<(OwnedEventId, Pdu)>,
    /// Receipts.
    pub receipts: Vec<(ReceiptKey, ReceiptRow)>,
    /// Whether typing changed.
    pub typing: bool,
    /// The positions of all this, in flight until it is published.
    pub positions: Vec<Pending>,
    /// Who waits for the commit.
    pub waiters: Vec<Waiter>,
}

impl Draft {
    /// Whether there is nothing to commit or publish.
    ///
    /// Waiters alone (for something that an earlier draft commits) are something too.
    pub fn is_empty(&self) -> bool {
        self.waiters.is_empty() && self.events.is_empty() && self.receipts.is_empty() && !self.typing
    }
}

/// An event to append, and what goes with it.
pub(crate) struct LogEntry {
    /// The event.
    pub pdu: Pdu,
    /// Its standing.
    pub standing: PduStanding,
    /// The client's request that made it.
    pub transaction: Option<Transaction>,
    /// How the state before it differs from the room's.
    pub overlay: Vec<StateDelta>,
    /// The room as it was described with a member event from outside.
    pub stripped: Option<Arc<RawValue>>,
    /// Whether it is for us to send to the room's other servers: it is new, and no other server has spread it.
    pub goes_out: bool,
    /// Whether events that it follows are not in the log.
    pub after_gap: bool,
    /// What it changes in the room's state.
    pub changes: Vec<StateDelta>,
}

impl LogEntry {
    /// An event that nothing more is to be said of.
    pub fn new(pdu: Pdu, standing: PduStanding) -> Self {
        Self {
            pdu,
            standing,
            transaction: None,
            overlay: Vec::new(),
            stripped: None,
            goes_out: false,
            after_gap: false,
            changes: Vec::new(),
        }
    }
}

/// What became of a request for an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The event was applied and waits for its commit.
    New(OwnedEventId),
    /// The same request, or the same state, made this event before. It may still wait for its commit.
    Known(OwnedEventId),
}

impl Sent {
    /// The event.
    pub fn into_event_id(self) -> OwnedEventId {
        match self {
            Self::New(id) | Self::Known(id) => id,
        }
    }
}

impl Room {
    /// A room as loaded, or unborn. Its events go on above all that the log has.
    pub fn new(view: RoomView, workshop: Workshop) -> Self {
        workshop.clocks.pass(view.room_id.as_str(), view.pos.max(view.event_pos));
        let mut room = Self {
            view,
            drafts: VecDeque::from([Draft::default()]),
            workshop,
            transactions: HashMap::new(),
            transaction_order: VecDeque::new(),
        };
        for event in room.view.tail.clone() {
            if let Some(transaction) = &event.transaction {
                room.remember(transaction.clone(), event.pdu.event_id().to_owned());
            }
        }
        room
    }

    /// The room's id.
    pub fn id(&self) -> &OwnedRoomId {
        &self.view.room_id
    }

    /// Whether the room has its create event.
    pub fn is_born(&self) -> bool {
        self.view.head_seq >= 0
    }

    /// The draft that takes changes now.
    pub fn draft(&mut self) -> &mut Draft {
        if self.drafts.is_empty() {
            self.drafts.push_back(Draft::default());
        }
        self.drafts.back_mut().expect("there is always a draft")
    }

    /// Takes the oldest draft for a commit, if it holds anything.
    pub fn next_commit(&mut self) -> Option<Draft> {
        self.drafts.front().filter(|draft| !draft.is_empty())?;
        if self.drafts.len() == 1 {
            self.seal();
        }
        self.drafts.pop_front()
    }

    /// Seals the present draft if it is full. Between requests: what one request makes stays together.
    pub fn seal_if_full(&mut self) {
        let draft = self.draft();
        if draft.events.len() >= DRAFT_EVENTS || draft.bytes >= DRAFT_BYTES {
            self.seal();
        }
    }

    /// Fixes what the room is after the present draft; later changes go to a new one.
    fn seal(&mut self) {
        let after = self.view.clone();
        self.draft().after = Some(after);
        self.drafts.push_back(Draft::default());
    }

    /// The event that the same request made before.
    pub fn known_transaction(&self, transaction: &Transaction) -> Option<&OwnedEventId> {
        self.transactions.get(transaction)
    }

    /// Puts an accepted event of our own at the end of the log.
    pub(super) fn apply(&mut self, pdu: Pdu, transaction: Option<Transaction>) {
        let changes = self.apply_to_state(&pdu);
        let entry = LogEntry::new(pdu, PduStanding::Accepted);
        self.append(LogEntry { transaction, changes, goes_out: true, ..entry });
    }

    pub(super) fn apply_to_state(&mut self, pdu: &Pdu) -> Vec<StateDelta> {
        let Some(state_key) = pdu.state_key() else { return Vec::new() };
        let old = self.view.state.insert(pdu.clone());
        let (kind, state_key) = (pdu.kind_str().to_owned(), state_key.to_owned());
        vec![StateDelta { kind, state_key, old, new: Some(pdu.clone()), seq: self.view.head_seq + 1 }]
    }

    /// Appends an event whose changes the view's state has taken in already.
    pub(crate) fn append(&mut self, entry: LogEntry) {
        let LogEntry { pdu, standing, transaction, overlay, stripped, goes_out, after_gap, changes } = entry;
        let us = self.workshop.signer.server_name();
        let goes_out = goes_out
            && standing == PduStanding::Accepted
            && recipients::any(us, &self.view.state, &pdu, &changes);
        let seq = self.view.head_seq + 1;
        if self.draft().events.last().is_some_and(|last| bucket_of(last.seq) != bucket_of(seq)) {
            self.seal();
        }
        let position = self.workshop.clocks.begin(self.view.room_id.as_str(), 1);
        let event = Arc::new(RoomEvent {
            seq,
            pos: position.first(),
            pdu,
            standing,
            transaction,
            overlay,
            stripped,
            goes_out,
            after_gap,
            in_gap: None,
            changes,
            push: PushMemo::default(),
        });
        if standing == PduStanding::Accepted {
            self.view.extremities.advance(&event.pdu);
            self.note_redaction(&event.pdu);
        }
        if let Some(transaction) = &event.transaction {
            self.remember(transaction.clone(), event.pdu.event_id().to_owned());
        }
        self.view.head_seq = event.seq;
        self.view.event_pos = event.pos;
        self.view.pos = self.view.pos.max(event.pos);
        self.view.tail.push_back(Arc::clone(&event));
        while self.view.tail.len() > TAIL_EVENTS {
            self.view.tail.pop_front();
        }
        self.note_visibility(&event);
        self.end_typing_of_leavers(&event);
        let draft = self.draft();
        draft.bytes += event.pdu.json().get().len();
        draft.events.push(event);
        draft.positions.push(position);
    }

    /// Who is not in the room does not type in it.
    fn end_typing_of_leavers(&mut self, event: &RoomEvent) {
        for change in event.changes.iter().filter(|change| change.kind == "m.room.member") {
            let Ok(user) = OwnedUserId::try_from(change.state_key.as_str()) else { continue };
            if self.is_typing(&user) && !self.view.state.is_joined(&user) {
                self.set_typing(user, None);
            }
        }
    }

    fn note_visibility(&mut self, event: &RoomEvent) {
        let changed = event.changes.iter().any(|change| change.kind == "m.room.history_visibility");
        if changed {
            self.view.history_always_open &= is_open(self.view.state.history_visibility().as_str());
        }
    }

    fn note_redaction(&mut self, pdu: &Pdu) {
        if pdu.kind_str() != "m.room.redaction" {
            return;
        }
        if let Some(target) = pdu.redacts() {
            self.view.redactions.insert(target.to_owned(), pdu.clone());
            self.draft().redactions.push((target.to_owned(), pdu.clone()));
        }
    }

    fn remember(&mut self, transaction: Transaction, event_id: OwnedEventId) {
        self.transaction_order.push_back(transaction.clone());
        self.transactions.insert(transaction, event_id);
        if self.transaction_order.len() > REMEMBERED_TRANSACTIONS
            && let Some(oldest) = self.transaction_order.pop_front()
        {
            self.transactions.remove(&oldest);
        }
    }
}
