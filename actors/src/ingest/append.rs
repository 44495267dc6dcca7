//! The room's side of ingest: check that the room still stands where the event was prepared, and append.

use ruma::OwnedEventId;

use super::PreparedEvent;
use crate::room::{
    RoomError,
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
        for change in &event.changes {
            match &change.new {
                Some(pdu) => drop(self.view.state.insert(pdu.clone())),
                None => drop(self.view.state.remove(change.kind.as_str(), &change.state_key)),
            }
        }
        let PreparedEvent { pdu, standing, overlay, changes, .. } = event;
        self.append(LogEntry { pdu, standing, transaction: None, overlay, changes });
        Ok(Some(Sent::New(id)))
    }
}
