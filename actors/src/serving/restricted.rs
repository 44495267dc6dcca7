//! Joins by membership elsewhere, for which a user of ours vouches.
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#restricted-rooms>

use ruma::{OwnedUserId, UserId, events::room::member::MembershipState};

use super::ServingError;
use crate::{Node, room::RoomView};

/// The local user who vouches for the join of `user`; `None` where nobody has to.
///
/// # Errors
/// [`ServingError::Forbidden`] for who is in none of the rooms, [`ServingError::UnableToAuthoriseJoin`],
/// [`ServingError::UnableToGrantJoin`].
pub(super) async fn voucher(
    node: &Node,
    view: &RoomView,
    user: &UserId,
) -> Result<Option<OwnedUserId>, ServingError> {
    let state = &view.state;
    let is_let_in = matches!(state.membership(user), Some(MembershipState::Join | MembershipState::Invite));
    if !state.join_rule().is_restricted() || is_let_in {
        return Ok(None);
    }
    // A room that we are not in could be the one that lets the user in.
    let mut can_tell = true;
    let mut is_member = false;
    for room_id in state.join_rule().allowed_rooms.iter() {
        let room = node.rooms().view(room_id).await.ok();
        let room = room.filter(|room| room.state.is_server_joined(node.server_name()));
        can_tell &= room.is_some();
        is_member |= room.is_some_and(|room| room.state.is_joined(user));
    }
    match (is_member, can_tell) {
        (true, _) => {}
        (false, true) => {
            return Err(ServingError::Forbidden(format!(
                "{user} is in none of the rooms whose members may join"
            )));
        }
        (false, false) => return Err(ServingError::UnableToAuthoriseJoin),
    }
    view.local_user_who_may_invite(node.server_name()).map(Some).ok_or(ServingError::UnableToGrantJoin)
}

/// Whether a local user may vouch for the join of `user` now.
///
/// # Errors
/// As [`voucher`].
pub(super) async fn check_voucher(
    node: &Node,
    view: &RoomView,
    user: &UserId,
    vouching: &UserId,
) -> Result<(), ServingError> {
    let levels = view.state.power_levels();
    if !view.state.is_joined(vouching) || levels.user_level(vouching) < levels.invite() {
        return Err(ServingError::Forbidden(format!("{vouching} may not let people into this room")));
    }
    voucher(node, view, user).await.map(drop)
}
