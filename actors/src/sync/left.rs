//! A left room in a sync: what was new until the user left, and nothing after.

use std::sync::Arc;

use playhouse_rules::PduStanding;

use super::{
    build::Pass,
    joined::{state_of, timeline_of},
    lazy::Stay,
    response::LeftRoom,
    window::{StateScope, had_up_to},
};
use crate::{
    hub::feed::RoomStanding,
    room::{RoomError, RoomEvent, RoomView},
    timeline::{
        page::{Gap, chunk_of},
        visibility::Sight,
    },
};

/// Renders a left room as of `since`; `None` is the beginning.
///
/// # Errors
/// When the room's rows cannot be read: the room is left out then.
pub async fn left(
    pass: &Pass<'_>,
    view: &RoomView,
    standing: &RoomStanding,
    since: Option<i64>,
) -> Result<LeftRoom, RoomError> {
    let store = pass.node.store();
    let lower = had_up_to(store, view, since).await?;
    let upper = Gap(standing.seq + 1);
    let sight = Sight::of(store, view, &pass.request.user).await?;
    let request = pass.window_request(view, &sight);
    let mut window = request.read(lower.min(upper), upper).await?;
    if lower < upper {
        window.timeline.extend(end_outside(pass, view, standing).await?);
    }
    let stay = Stay { room_id: &view.room_id, member_event: standing.seq };
    let mut room = LeftRoom::default();
    // Who was never in may see the own leave event, and no state.
    if sight.may_see_at(standing.seq - 1) {
        let scope = if since.is_none() || pass.request.full_state {
            StateScope::Everything
        } else {
            StateScope::Changes
        };
        let state = state_of(pass, &request, &window, scope, (stay, None)).await?;
        if pass.request.use_state_after {
            room.state_after = Some(state);
        } else {
            room.state = Some(state);
        }
    }
    room.timeline = timeline_of(pass, view, &window, stay).await?;
    room.account_data = pass.room_account_data(&view.room_id, since.is_none()).into();
    Ok(room)
}

/// The event that ended an invite or a knock of a room that this server is not in: it has no place in the room's timeline, and
/// is all that a client gets of the room.
async fn end_outside(
    pass: &Pass<'_>,
    view: &RoomView,
    standing: &RoomStanding,
) -> Result<Option<Arc<RoomEvent>>, RoomError> {
    let event = chunk_of(pass.node.store(), view, standing.seq, standing.seq).await?.pop();
    Ok(event.filter(|event| event.standing == PduStanding::Outlier))
}
