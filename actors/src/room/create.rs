//! Founding a room: the create event and what the creator sends next, all or none.

use super::{
    RoomError,
    machine::{Room, Sent},
    message::FoundRoom,
};

impl Room {
    /// Applies the create event and the creator's first events.
    ///
    /// # Errors
    /// [`RoomError::BadState`] if the room exists, else the first refusal of one of the events. The machine must
    /// then be thrown away: what came before the refusal is applied.
    pub fn found(&mut self, request: FoundRoom) -> Result<Sent, RoomError> {
        if self.is_born() {
            return Err(RoomError::BadState("the room exists already".into()));
        }
        let event_id = request.create.event_id().to_owned();
        self.apply(request.create, None);
        for event in request.events {
            self.send(event)?;
        }
        Ok(Sent::New(event_id))
    }
}
