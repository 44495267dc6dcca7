//! The events around one.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidcontexteventid>

use std::sync::Arc;

use playhouse_rules::state::RoomState;
use ruma::{EventId, UserId};

use super::{
    find,
    page::{Direction, Gap},
    state_at::state_after,
    visibility::Sight,
};
use crate::{
    Node,
    history::{
        self,
        page::{DeepRequest, Place, deep_page},
    },
    room::{RoomError, RoomEvent, RoomView},
};

/// An event and what lies around it.
pub struct Context {
    /// The event.
    pub event: Arc<RoomEvent>,
    /// What came before it, newest first.
    pub before: Vec<Arc<RoomEvent>>,
    /// What came after it, oldest first.
    pub after: Vec<Arc<RoomEvent>>,
    /// Where to page back from.
    pub start: Place,
    /// Where to page on from.
    pub end: Place,
    /// The state after the last event of `after`, or after the event.
    pub state: RoomState,
}

/// Reads the context of an event that the user may see.
///
/// # Errors
/// When the store does not answer.
pub async fn context(
    node: &Node,
    view: &RoomView,
    user: &UserId,
    event_id: &EventId,
    limit: usize,
    matches: &(dyn Fn(&RoomEvent) -> bool + Sync),
) -> Result<Option<Context>, RoomError> {
    let store = node.store();
    let Some(event) = find::visible_event(store, view, event_id, user).await? else { return Ok(None) };
    let sight = Sight::of(store, view, user).await?;
    let (older, newer) =
        match history::place_of(store, view, event_id).await?.filter(|_| event.in_gap.is_some()) {
            None => (Place::from(Gap(event.seq)), Place::from(Gap(event.seq + 1))),
            Some(place) => {
                let at = |inside| Place { before: Gap(place.gap), inside: Some(inside) };
                (at(place.number + 1), at(place.number))
            }
        };
    let around = async |from, direction| {
        let share = if direction == Direction::Backward { limit / 2 } else { limit - limit / 2 };
        let request = DeepRequest { from, to: None, direction, limit: share, matches };
        deep_page(node, view, &sight, &request).await
    };
    let before = around(older, Direction::Backward).await?;
    let after = around(newer, Direction::Forward).await?;
    let last = after.events.last().map_or(event.seq, |last| last.seq);
    let state = state_after(store, view, last).await?;
    Ok(Some(Context {
        event,
        before: before.events,
        after: after.events,
        start: before.end.unwrap_or(older),
        end: after.end.unwrap_or(Place::from(Gap(view.head_seq + 1))),
        state,
    }))
}
