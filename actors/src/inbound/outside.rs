//! Memberships that end in rooms that this server is not in: an invite is taken back, a knock is refused.
//!
//! There is no state here to judge them by. What is believed is what makes a client forget an invite or a knock, from
//! somebody who could have ended it: the one who invited, or anybody who answers the knock.

use std::sync::Arc;

use playhouse_rules::Pdu;
use ruma::{UserId, events::room::member::MembershipState};

use crate::{
    Node,
    room::{RoomError, RoomView, outside::OutsideMembership},
};

/// Notes those that end an invite or a knock.
///
/// # Errors
/// The room cannot be written to now.
pub(super) async fn note(node: &Node, events: Vec<(Arc<RoomView>, Pdu)>) -> Result<(), RoomError> {
    for (view, member) in events.into_iter().filter(|(view, member)| ends(view, member)) {
        let note = OutsideMembership { member, stripped: None };
        match node.rooms().handle(&view.room_id).note_outside(view.version, note).await {
            Ok(_) | Err(RoomError::BadState(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn ends(view: &RoomView, member: &Pdu) -> bool {
    let target = member.state_key().and_then(|key| <&UserId>::try_from(key).ok());
    let Some(target) = target.filter(|target| view.is_outside(target)) else { return false };
    let present = view.state.get("m.room.member", target.as_str());
    let is_end = matches!(member.membership(), Some(MembershipState::Leave | MembershipState::Ban));
    is_end && present.is_some_and(|present| may_end(present, member))
}

/// An invite is ended by who sent it; a knock by anybody who cites it.
fn may_end(present: &Pdu, end: &Pdu) -> bool {
    match present.membership() {
        Some(MembershipState::Knock) => end.auth_events().iter().any(|cited| cited == present.event_id()),
        _ => present.sender() == end.sender(),
    }
}
