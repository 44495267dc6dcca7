//! The events around one.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidcontexteventid>

use std::sync::Arc;

use playhouse_rules::state::RoomState;
use playhouse_storage::Store;
use ruma::{EventId, UserId};

use super::{
    find,
    page::{Direction, Gap, Page, PageRequest, page},
    state_at::state_after,
    visibility::Sight,
};
use crate::room::{RoomError, RoomEvent, RoomView};

/// An event and what lies around it.
pub struct Context {
    /// The event.
    pub event: Arc<RoomEvent>,
    /// What came before it, newest first.
    pub before: Page,
    /// What came after it, oldest first.
    pub after: Page,
    /// The state after the last event of `after`, or after the event.
    pub state: RoomState,
}

/// Reads the context of an event that the user may see.
///
/// # Errors
/// When the store does not answer.
pub async fn context(
    store: &Store,
    view: &RoomView,
    user: &UserId,
    event_id: &EventId,
    limit: usize,
    matches: &(dyn Fn(&RoomEvent) -> bool + Sync),
) -> Result<Option<Context>, RoomError> {
    let Some(event) = find::visible_event(store, view, event_id, user).await? else { return Ok(None) };
    let sight = Sight::of(store, view, user).await?;
    let around = |direction| PageRequest {
        from: Gap(if direction == Direction::Backward { event.seq } else { event.seq + 1 }),
        to: None,
        direction,
        limit: if direction == Direction::Backward { limit / 2 } else { limit - limit / 2 },
        matches,
    };
    let before = page(store, view, &sight, &around(Direction::Backward)).await?;
    let after = page(store, view, &sight, &around(Direction::Forward)).await?;
    let last = after.events.last().map_or(event.seq, |last| last.seq);
    let state = state_after(store, view, last).await?;
    Ok(Some(Context { event, before, after, state }))
}
