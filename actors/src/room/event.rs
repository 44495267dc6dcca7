//! An event in a room's log, as everyone in this process shares it.

use std::sync::Arc;

use playhouse_rules::{
    pdu::{Pdu, PduStanding},
    state::RoomState,
};
use playhouse_storage::tables::room_log::Transaction;
use ruma::{UserId, events::room::history_visibility::HistoryVisibility};
use serde_json::value::RawValue;

use super::commit::stripped_for;
use crate::push::PushMemo;

/// A logged event with its place and what it changed.
#[derive(Debug)]
pub struct RoomEvent {
    /// Its sequence number in the log.
    pub seq: i64,
    /// Its stream position.
    pub pos: i64,
    /// The event.
    pub pdu: Pdu,
    /// Whether it was accepted, soft-failed or rejected.
    pub standing: PduStanding,
    /// The request that made it, where a client of ours did.
    pub transaction: Option<Transaction>,
    /// How the state before it differs from the room's state before its row; empty but for forks. Known only to the
    /// process that appended it; the log row has it for the others.
    pub overlay: Vec<StateDelta>,
    /// For a member event from a room that this server is not in: the room as it was described with it.
    pub stripped: Option<Arc<RawValue>>,
    /// Whether other servers are to be sent it, by this one.
    pub goes_out: bool,
    /// Whether events that it follows are not in the log: a gap lies before it.
    pub after_gap: bool,
    /// For an event in a gap of the log: the visibility that it was sent under, as far as that is known. Its sequence number
    /// is that of the last row before the gap.
    pub in_gap: Option<Option<HistoryVisibility>>,
    /// What it changed in the room's current state: itself, but for a merge of forks.
    pub changes: Vec<StateDelta>,
    /// What push rules made of it.
    pub push: PushMemo,
}

/// The change of one state key.
#[derive(Debug, Clone)]
pub struct StateDelta {
    /// The event type.
    pub kind: String,
    /// The state key.
    pub state_key: String,
    /// The event that stood before, and its sequence number.
    pub old: Option<Pdu>,
    /// The event that stands now.
    pub new: Option<Pdu>,
    /// The log row of the event that stands now: this one, but for a merge of forks.
    pub seq: i64,
}

impl RoomEvent {
    /// Whether clients may get it at all.
    pub fn is_visible(&self) -> bool {
        self.standing == PduStanding::Accepted
    }

    /// Whether it changes just what it says itself: true for everything but merges of forks.
    pub fn changes_only_itself(&self) -> bool {
        self.changes.iter().all(|change| self.pdu.is_state_of(&change.kind, &change.state_key))
            && self.changes.is_empty() != (self.pdu.is_state() && self.is_visible())
    }

    /// The state change of the user's own membership, if the event is one.
    pub fn membership_change_of(&self, user: &UserId) -> Option<&StateDelta> {
        self.changes.iter().find(|change| change.kind == "m.room.member" && change.state_key == user.as_str())
    }

    /// The room as the user of a member event that this one is, or brings, is shown it: as it was described by others, or by
    /// the room's state; nothing for memberships other than invites and knocks.
    pub fn stripped_for(&self, state: &RoomState, member: &Pdu) -> Option<Box<RawValue>> {
        match &self.stripped {
            Some(stripped) if self.pdu == *member => Some((**stripped).to_owned()),
            _ => stripped_for(state, member),
        }
    }

    /// The standing as the log stores it.
    pub fn pdu_standing_code(&self) -> i8 {
        self.standing.code()
    }

    /// Memory that it holds, for the cache budget.
    pub fn estimated_bytes(&self) -> usize {
        size_of::<Self>() + self.pdu.estimated_bytes()
    }
}
