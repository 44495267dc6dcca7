//! The room's side of ingest: check that the room still stands where the event was prepared, and append.

use ruma::{EventId, OwnedEventId};

use super::{PreparedEvent, state::NOT_LOGGED};
use crate::room::{
    RoomError, StateDelta,
    machine::{LogEntry, Room, Sent},
};

/// What a room says to a prepared event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is in the log (or was already).
    Appended(OwnedEventId),
    /// The room has moved on; prepare the event for what stands now.
    Stale,
}

impl Room {
    /// Appends a prepared event, if the forward extremities are those that it was prepared for.
    ///
    /// # Errors
    /// [`RoomError::UnknownRoom`] for an unborn room.
    pub fn ingest(&mut self, event: PreparedEvent) -> Result<Option<Sent>, RoomError> {
        if !self.is_born() {
            return Err(RoomError::UnknownRoom);
        }
        let id = event.pdu.event_id().to_owned();
        if self.view.recent(&id).is_some() {
            return Ok(Some(Sent::Known(id)));
        }
        let stands = self.view.extremities.iter().map(|extremity| &extremity.event_id);
        if !stands.eq(event.basis.iter()) {
            return Ok(None);
        }
        let PreparedEvent { pdu, standing, overlay, goes_out, after_gap, mut changes, .. } = event;
        self.place(&id, &mut changes);
        for change in &changes {
            match &change.new {
                Some(pdu) => drop(self.view.state.insert(pdu.clone())),
                None => drop(self.view.state.remove(change.kind.as_str(), &change.state_key)),
            }
        }
        self.append(LogEntry { overlay, goes_out, after_gap, changes, ..LogEntry::new(pdu, standing) });
        Ok(Some(Sent::New(id)))
    }

    /// Gives each event that comes to stand a row of the log: what was no part of the log until now gets one before the event
    /// that brings it.
    fn place(&mut self, own: &EventId, changes: &mut [StateDelta]) {
        for change in changes.iter_mut().filter(|change| change.seq == NOT_LOGGED) {
            if let Some(pdu) = change.new.clone().filter(|pdu| pdu.event_id() != own) {
                self.append_outlier(pdu, false);
                change.seq = self.view.head_seq;
            }
        }
        for change in changes.iter_mut() {
            if change.new.as_ref().is_some_and(|pdu| pdu.event_id() == own) {
                change.seq = self.view.head_seq + 1;
            }
        }
    }
}
