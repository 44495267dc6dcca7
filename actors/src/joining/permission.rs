//! Who may be invited, and who meets a restriction.

use playhouse_storage::{
    IntoKey as _, Key, StoreError,
    tables::{AccountData, UserRoom},
};
use ruma::{OwnedRoomId, UserId};
use serde::Deserialize;

use super::MembershipError;
use crate::{Node, room::RoomView};

/// The type of the account data that says whose invites a user takes.
pub(crate) const INVITE_PERMISSION: &str = "m.invite_permission_config";

/// Refuses those who cannot be invited: users who take no invites, and users of other servers where this one has no dealings
/// with those. What users of other servers take these say themselves.
///
/// <https://spec.matrix.org/v1.19/client-server-api/#invite-permission>
pub(crate) async fn may_be_invited(node: &Node, target: &UserId) -> Result<(), MembershipError> {
    if target.server_name() != node.server_name() {
        let other_server = || MembershipError::OtherServer { user: target.to_owned() };
        return node.federation().map(drop).ok_or_else(other_server);
    }
    let row = node.store().get::<AccountData>((target.as_str(),), ("", INVITE_PERMISSION)).await?;
    if row.is_some_and(|row| blocks_invites(row.content.get())) {
        return Err(MembershipError::InviteBlocked { user: target.to_owned() });
    }
    Ok(())
}

/// > When set to `block`, the user does not wish to receive *any* room invites […]. A missing, invalid or unsupported
/// > value means that the user wants to receive invites as normal.
///
/// <https://spec.matrix.org/v1.19/client-server-api/#minvite_permission_config>
pub(crate) fn blocks_invites(content: &str) -> bool {
    #[derive(Deserialize)]
    struct Content {
        default_action: String,
    }
    serde_json::from_str::<Content>(content).is_ok_and(|content| content.default_action == "block")
}

/// Whether the user is in a room whose members a restricted join rule lets in.
///
/// <https://spec.matrix.org/v1.19/client-server-api/#restricted-rooms>
pub(super) async fn meets_restriction(
    node: &Node,
    view: &RoomView,
    user: &UserId,
) -> Result<bool, StoreError> {
    let rule = view.state.join_rule();
    if !rule.is_restricted() {
        return Ok(false);
    }
    let hub = node.hub().hub();
    let (active, rest): (Vec<&OwnedRoomId>, Vec<&OwnedRoomId>) =
        rule.allowed_rooms.iter().partition(|room_id| hub.view(room_id).is_some());
    let is_in = |room_id: &&OwnedRoomId| hub.view(room_id).is_some_and(|view| view.state.is_joined(user));
    if active.iter().any(is_in) {
        return Ok(true);
    }
    let keys: Vec<(Key, Key)> =
        rest.iter().map(|room_id| ((user.as_str(),).to_key(), (room_id.as_str(),).to_key())).collect();
    let rows = node.store().multi_get::<UserRoom>(&keys).await?;
    Ok(rows.into_iter().flatten().any(|row| row.membership == "join"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_word_block_blocks() {
        assert!(blocks_invites(r#"{"default_action":"block"}"#));
        for takes in ["{}", r#"{"default_action":"allow"}"#, r#"{"default_action":7}"#, "7"] {
            assert!(!blocks_invites(takes), "{takes}");
        }
    }
}
