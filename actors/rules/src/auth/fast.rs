//! The authorization rules of the events that make up nearly all traffic: all but members, power levels and create
//! events. From version 6 on they are the same in each version.
//!
//! Specification: <https://spec.matrix.org/v1.19/rooms/v11/#authorization-rules>

use ruma::events::TimelineEventType;

use super::AuthError;
use crate::{Pdu, RoomState};

/// The verdict, or `None` if the event or the state needs the whole rule set.
pub(super) fn check(pdu: &Pdu, state: &RoomState) -> Option<Result<(), AuthError>> {
    let special = matches!(
        pdu.kind(),
        TimelineEventType::RoomCreate | TimelineEventType::RoomMember | TimelineEventType::RoomPowerLevels
    );
    if special || state.power_levels().is_malformed() {
        return None;
    }
    Some(check_plain(pdu, state))
}

fn check_plain(pdu: &Pdu, state: &RoomState) -> Result<(), AuthError> {
    let sender = pdu.sender();
    // > If the content of the m.room.create event in the room state has the property m.federate set to false, and the
    // > sender domain of the event does not match the sender domain of the create event, reject.
    let create = state.create_view().ok_or(AuthError::NoRoom)?;
    if !create.federate && create.pdu.sender().server_name() != sender.server_name() {
        return Err(AuthError::NotFederated { sender: sender.to_owned() });
    }
    // > If the sender’s current membership state is not join, reject.
    if !state.is_joined(sender) {
        return Err(AuthError::NotJoined { sender: sender.to_owned() });
    }
    let levels = state.power_levels();
    let has = levels.user_level(sender);
    // > If type is m.room.third_party_invite: allow if and only if sender’s current power level is greater than or
    // > equal to the invite level.
    let is_invite = *pdu.kind() == TimelineEventType::RoomThirdPartyInvite;
    // > If the event type’s required power level is greater than the sender’s power level, reject.
    let needed =
        if is_invite { levels.invite() } else { levels.required_for_event(pdu.kind_str(), pdu.is_state()) };
    if has < needed {
        let kind = pdu.kind_str().to_owned();
        return Err(AuthError::PowerTooLow { kind, sender: sender.to_owned(), needed, has });
    }
    // > If the event has a state_key that starts with an @ and does not match the sender, reject.
    match pdu.state_key() {
        Some(key) if !is_invite && key.starts_with('@') && key != sender.as_str() => {
            Err(AuthError::StateOfAnotherUser { state_key: key.to_owned() })
        }
        _ => Ok(()),
    }
}
