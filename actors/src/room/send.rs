//! Sending an event: dedupe, build, check, sign, apply.

use playhouse_rules::{
    auth,
    builder::{EventFrame, PduBuilder},
    pdu::Pdu,
};
use ruma::{MilliSecondsSinceUnixEpoch, UInt};

use super::{
    RoomError,
    machine::{Room, Sent},
    message::SendEvent,
};

impl Room {
    /// Makes the event that a local user asks for and applies it.
    ///
    /// A repeated transaction, and a state event equal to the one that stands, make nothing new.
    ///
    /// # Errors
    /// [`RoomError::Forbidden`] by the room's rules, [`RoomError::BadEvent`] or [`RoomError::TooLarge`] for what
    /// cannot be an event, [`RoomError::UnknownRoom`] for an unborn room. Nothing is applied then.
    pub fn send(&mut self, request: SendEvent) -> Result<Sent, RoomError> {
        if !self.is_born() {
            return Err(RoomError::UnknownRoom);
        }
        if let Some(known) = request.transaction.as_ref().and_then(|t| self.known_transaction(t)) {
            return Ok(Sent::Known(known.clone()));
        }
        if let Some(standing) = self.same_state(&request) {
            return Ok(Sent::Known(standing.event_id().to_owned()));
        }
        let transaction = request.transaction.clone();
        let pdu = self.build(request)?;
        auth::check_against_state(self.view.version, &pdu, &self.view.state)?;
        let event_id = pdu.event_id().to_owned();
        self.apply(pdu, transaction);
        Ok(Sent::New(event_id))
    }

    /// The event that stands for the request's state key, if it says the same in the name of the same sender.
    fn same_state(&self, request: &SendEvent) -> Option<&Pdu> {
        let state_key = request.state_key.as_deref()?;
        let standing = self.view.state.get(&request.kind.to_string(), state_key)?;
        let parse = |raw: &str| serde_json::from_str::<serde_json::Value>(raw).ok();
        (standing.sender() == request.sender
            && !self.view.redactions.contains_key(standing.event_id())
            && parse(standing.content().get())? == parse(request.content.get())?)
        .then_some(standing)
    }

    /// Builds and signs the event on top of the present extremities.
    pub(super) fn build(&self, request: SendEvent) -> Result<Pdu, RoomError> {
        let auth_events = auth::auth_events_for(
            self.view.version,
            &request.kind,
            &request.sender,
            request.state_key.as_deref(),
            &request.content,
            &self.view.state,
        )?;
        let prev_events = self.view.extremities.prev_events();
        let frame = EventFrame {
            version: self.view.version,
            room_id: Some(&self.view.room_id),
            sender: &request.sender,
            prev_events: &prev_events,
            auth_events: &auth_events,
            depth: self.view.extremities.next_depth(),
            origin_server_ts: self.now(),
        };
        let builder = PduBuilder {
            kind: request.kind,
            state_key: request.state_key,
            content: request.content,
            redacts: request.redacts,
        };
        Ok(builder.build(&frame, &*self.workshop.signer)?)
    }

    fn now(&self) -> MilliSecondsSinceUnixEpoch {
        let now = self.workshop.clocks.now_ms();
        MilliSecondsSinceUnixEpoch(UInt::new(now).unwrap_or(UInt::MAX))
    }
}
