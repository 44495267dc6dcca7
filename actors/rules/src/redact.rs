//! Redaction: what is left of an event, and who may have it done.
//!
//! Specification: <https://spec.matrix.org/v1.19/client-server-api/#redactions> and, for each room version, "Redactions"
//! and "Handling redactions" of [its page](https://spec.matrix.org/v1.19/rooms/v11/#handling-redactions).

use ruma::{CanonicalJsonObject, UserId, canonical_json::redact_in_place};
use serde_json::value::RawValue;

use crate::{Pdu, PduError, RoomState, RoomVersion};

/// The event with everything removed that its room version does not protect. The id stays: it is the hash of what is
/// left. Put the redaction into `unsigned.redacted_because` when rendering it.
///
/// # Errors
/// The event is not one that [`Pdu::parse`] accepts: serve nothing of it.
///
/// Specification: <https://spec.matrix.org/v1.19/rooms/v11/#redactions>
pub fn redacted(version: &RoomVersion, pdu: &Pdu) -> Result<Pdu, PduError> {
    let mut object: CanonicalJsonObject = serde_json::from_str(pdu.json().get())?;
    redact_in_place(&mut object, &version.rules().redaction, None)
        .map_err(|_| PduError::Invalid { field: "content", reason: "the event cannot be redacted" })?;
    let json = RawValue::from_string(serde_json::to_string(&object)?)?;
    let redacted = Pdu::parse(version, json, Some(pdu.event_id().to_owned()))?;
    Ok(redacted.with_rejected(pdu.is_rejected()))
}

/// Whether a redaction that the room accepted takes effect: its sender has the power to redact, or is on the server of
/// the target's sender. `state` is the state before the redaction.
///
/// The rule is that of room versions 3 and later, in which redactions are always *accepted*: one that takes no effect is
/// kept but never shown to clients, until a target arrives for which it does.
///
/// Specification: <https://spec.matrix.org/v1.19/rooms/v11/#handling-redactions>
pub fn may_redact(state: &RoomState, redaction_sender: &UserId, target: &Pdu) -> bool {
    target.room_id_matches(state)
        && (has_power(state, redaction_sender) || same_server(redaction_sender, target))
}

/// Whether a user of ours may ask for the redaction: of an event of their own, or of any with the power to redact.
///
/// Narrower than [`may_redact`]: that a whole server is trusted with its users' events is for the server to use, not for
/// every user on it.
///
/// Specification: <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidredacteventidtxnid>
pub fn may_request_redaction(state: &RoomState, user: &UserId, target: &Pdu) -> bool {
    target.room_id_matches(state) && (target.sender() == user || has_power(state, user))
}

fn has_power(state: &RoomState, user: &UserId) -> bool {
    let levels = state.power_levels();
    levels.user_level(user) >= levels.redact()
}

fn same_server(user: &UserId, target: &Pdu) -> bool {
    user.server_name() == target.sender().server_name()
}

impl Pdu {
    /// A redaction never reaches into another room.
    fn room_id_matches(&self, state: &RoomState) -> bool {
        state.create().is_none_or(|create| create.room_id() == self.room_id())
    }
}

#[cfg(test)]
mod tests;
