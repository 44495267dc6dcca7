//! Taking a room in through another server: the state before a join of a local user, then the join.
//!
//! The state comes as rows of standing [`PduStanding::Outlier`] that change the state each by itself, so that no row and no
//! commit grows with the room: a join to a room of any size is many small appends. Until the join is there nobody local is in
//! the room. An import that was cut off is gone on with by the next one.

use std::collections::HashMap;

use playhouse_rules::{
    forward_extremities::Extremities,
    pdu::{Pdu, PduStanding},
    state::RoomState,
};
use ruma::OwnedEventId;

use super::{
    RoomError, StateDelta,
    machine::{LogEntry, Room, Sent},
};

/// A room as another server says it is, every event verified and allowed.
#[derive(Debug, Clone)]
pub struct ImportRoom {
    /// The state before the join.
    pub state: Vec<Pdu>,
    /// The join of a local user.
    pub join: Pdu,
    /// Which events of the state are in the log, from an earlier stay, and where.
    pub logged: HashMap<OwnedEventId, i64>,
}

impl Room {
    /// Takes a room in, or takes it in anew after nobody local was in it for a while.
    ///
    /// # Errors
    /// [`RoomError::BadState`] when a local user is in the room: then its log is the truth.
    pub fn import(&mut self, request: ImportRoom) -> Result<Sent, RoomError> {
        if self.is_resident() {
            return Err(RoomError::BadState("this server is in the room already".into()));
        }
        let ImportRoom { mut state, join, logged } = request;
        let mut changes = self.keys_gone(&state);
        state.sort_by_key(|pdu| (pdu.depth(), pdu.origin_server_ts()));
        for pdu in state {
            if self.stands(&pdu) {
                continue;
            }
            if let Some(seq) = logged.get(pdu.event_id()) {
                changes.push(self.delta(&pdu, *seq));
            } else {
                self.append_outlier(pdu, true);
                self.seal_if_full();
            }
        }
        for change in &changes {
            match &change.new {
                Some(pdu) => drop(self.view.state.insert(pdu.clone())),
                None => drop(self.view.state.remove(change.kind.as_str(), &change.state_key)),
            }
        }
        changes.extend(self.apply_to_state(&join));
        // What the room ended in when we left says nothing about where it stands now.
        self.view.extremities = Extremities::new();
        self.view.floor = join.depth();
        let event_id = join.event_id().to_owned();
        let after_gap = !join.prev_events().is_empty();
        self.append(LogEntry { after_gap, changes, ..LogEntry::new(join, PduStanding::Accepted) });
        Ok(Sent::New(event_id))
    }

    /// Whether somebody local is in the room, so that the room's log is kept up to date.
    pub fn is_resident(&self) -> bool {
        self.view.is_resident(self.workshop.signer.server_name())
    }

    /// Appends an event that has no place in the timeline, and lets it stand in the state or not.
    pub(crate) fn append_outlier(&mut self, pdu: Pdu, stands: bool) {
        let changes = if stands { self.apply_to_state(&pdu) } else { Vec::new() };
        self.append(LogEntry { changes, ..LogEntry::new(pdu, PduStanding::Outlier) });
    }

    /// The changes that take away what stands and is not in `state`.
    fn keys_gone(&self, state: &[Pdu]) -> Vec<StateDelta> {
        let mut stays = RoomState::new(self.view.version);
        for pdu in state {
            stays.insert(pdu.clone());
        }
        let gone = |pdu: &&Pdu| stays.get(pdu.kind_str(), pdu.state_key().unwrap_or_default()).is_none();
        let delta = |pdu: &Pdu| StateDelta {
            kind: pdu.kind_str().to_owned(),
            state_key: pdu.state_key().unwrap_or_default().to_owned(),
            old: Some(pdu.clone()),
            new: None,
            seq: -1,
        };
        self.view.state.iter().filter(gone).map(delta).collect()
    }

    fn stands(&self, pdu: &Pdu) -> bool {
        self.view.state.get(pdu.kind_str(), pdu.state_key().unwrap_or_default()) == Some(pdu)
    }

    fn delta(&self, pdu: &Pdu, seq: i64) -> StateDelta {
        let state_key = pdu.state_key().unwrap_or_default();
        StateDelta {
            kind: pdu.kind_str().to_owned(),
            state_key: state_key.to_owned(),
            old: self.view.state.get(pdu.kind_str(), state_key).cloned(),
            new: Some(pdu.clone()),
            seq,
        }
    }
}
