//! Whose keys changed between two syncs.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3keyschanges>

use std::sync::Arc;

use ruma::{OwnedRoomId, UserId, events::room::member::MembershipState};

use crate::{
    Node,
    hub::{UserFeed, feed::RoomStanding},
    room::{RoomError, RoomView},
    sync::{device_lists, joined::Moves, response::DeviceLists},
    timeline::{
        page::{Gap, gap_after},
        state_at::{Members, changed_state},
        visibility::Memberships,
    },
    token::SyncToken,
    user::UserError,
};

/// Who changed keys, came into sight or went out of it between two tokens.
///
/// # Errors
/// [`UserError::Unavailable`] when the store does not answer.
pub async fn key_changes(
    node: &Node,
    user: &UserId,
    from: &SyncToken,
    to: &SyncToken,
) -> Result<DeviceLists, UserError> {
    let feed = node.users().feed(user).await?;
    let mut moves = Moves::default();
    for (room_id, standing) in feed.rooms() {
        let span = Span::of(node, &room_id, from, to);
        if standing.last_pos <= span.from || span.from >= span.to {
            continue;
        }
        match moves_in(node, &feed, &room_id, &standing, &span).await {
            Ok(in_room) => {
                moves.joined.extend(in_room.joined);
                moves.left.extend(in_room.left);
            }
            Err(RoomError::Unavailable { retry_after }) => {
                return Err(UserError::Unavailable { retry_after });
            }
            Err(error) => tracing::warn!(%error, "a room is left out of the key changes"),
        }
    }
    Ok(device_lists::between(node, &feed, from.base, to.base, moves).await?)
}

/// A stretch of a room's positions.
struct Span {
    from: i64,
    to: i64,
}

impl Span {
    fn of(node: &Node, room_id: &OwnedRoomId, from: &SyncToken, to: &SyncToken) -> Self {
        let key = node.tokens().stream_key(room_id.as_str());
        Self { from: from.delivered(&key), to: to.delivered(&key) }
    }
}

async fn moves_in(
    node: &Node,
    feed: &Arc<UserFeed>,
    room_id: &OwnedRoomId,
    standing: &RoomStanding,
    span: &Span,
) -> Result<Moves, RoomError> {
    let now_joined = standing.membership == MembershipState::Join;
    let moved = standing.pos > span.from && standing.pos <= span.to;
    if !now_joined && !moved {
        return Ok(Moves::default());
    }
    let view = node.rooms().view(room_id).await?;
    let lower = gap_after(node.store(), &view, span.from).await?;
    let was_joined = !moved || joined_at(node, &view, feed.user(), lower).await?;
    let everyone = || view.state.joined_members().map(ToOwned::to_owned).collect();
    match (was_joined, now_joined) {
        (false, true) => Ok(Moves { joined: everyone(), ..Moves::default() }),
        (true, false) => Ok(Moves { left: everyone(), ..Moves::default() }),
        (false, false) => Ok(Moves::default()),
        (true, true) => others_moves(node, &view, lower, span.to).await,
    }
}

async fn joined_at(node: &Node, view: &RoomView, user: &UserId, gap: Gap) -> Result<bool, RoomError> {
    let memberships = Memberships::of(node.store(), &view.room_id, user).await?;
    Ok(memberships.at(gap.0 - 1) == MembershipState::Join)
}

async fn others_moves(node: &Node, view: &RoomView, lower: Gap, to: i64) -> Result<Moves, RoomError> {
    let upper = gap_after(node.store(), view, to).await?;
    if lower >= upper {
        return Ok(Moves::default());
    }
    let span = (lower.0 - 1, upper.0 - 1);
    Ok(Moves::of(&changed_state(node.store(), view, span, Members::All).await?))
}
