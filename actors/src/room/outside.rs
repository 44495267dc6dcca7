//! Memberships in rooms that this server is not in: invites from other servers, knocks, and how these end.
//!
//! Such a room has a log like every other, so that feeds, syncs and restarts need to know nothing of the difference; but only
//! these member events are in it, with the room as others described it. A join takes the rest in ([`super::import`]).

use std::sync::Arc;

use playhouse_rules::pdu::{Pdu, PduStanding};
use serde_json::value::RawValue;

use super::{
    RoomError,
    machine::{LogEntry, Room, Sent},
};

/// The membership of a local user in a room that this server is not in.
#[derive(Debug, Clone)]
pub struct OutsideMembership {
    /// The member event, signed by whom it must be.
    pub member: Pdu,
    /// The room's stripped state, with an invite or a knock: a JSON array.
    pub stripped: Option<Box<RawValue>>,
}

impl Room {
    /// Notes such a membership.
    ///
    /// # Errors
    /// [`RoomError::BadState`] when somebody local has entered the room meanwhile.
    pub fn note_outside(&mut self, request: OutsideMembership) -> Result<Sent, RoomError> {
        if self.is_resident() {
            return Err(RoomError::BadState("this server is in the room".into()));
        }
        let OutsideMembership { member, stripped } = request;
        let event_id = member.event_id().to_owned();
        if self.view.state.get(member.kind_str(), member.state_key().unwrap_or_default()) == Some(&member) {
            return Ok(Sent::Known(event_id));
        }
        let changes = self.apply_to_state(&member);
        let stripped = stripped.map(Arc::from);
        self.append(LogEntry { stripped, changes, ..LogEntry::new(member, PduStanding::Outlier) });
        Ok(Sent::New(event_id))
    }
}
