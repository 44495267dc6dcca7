//! Single events, and pieces of history.

use std::{
    collections::{BinaryHeap, HashSet},
    sync::Arc,
};

use playhouse_rules::PduStanding;
use playhouse_storage::tables::EventLocation;
use ruma::{EventId, OwnedEventId, OwnedRoomId, RoomId, ServerName};
use serde_json::value::RawValue;

use super::{ServingError, access::shared_room, sight::served};
use crate::{
    Node,
    room::{RoomError, RoomEvent, RoomView},
    timeline::find,
};

/// The most events of one answer.
const MOST_EVENTS: usize = 100;
/// The most events that may bound a question.
const MOST_ENDS: usize = 100;

/// One event, for a server that is in its room.
///
/// # Errors
/// [`ServingError::NotFound`], whatever the reason.
///
/// <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1eventeventid>
pub async fn event(
    node: &Node,
    origin: &ServerName,
    event_id: &EventId,
) -> Result<Box<RawValue>, ServingError> {
    let nothing = || ServingError::NotFound(origin.to_owned());
    let place = node.store().get::<EventLocation>((event_id.as_str(),), ()).await.map_err(RoomError::from)?;
    let room_id = place.and_then(|place| OwnedRoomId::try_from(place.room).ok()).ok_or_else(nothing)?;
    let view = match shared_room(node, origin, &room_id).await {
        Err(ServingError::Forbidden(_)) => return Err(nothing()),
        shared => shared?,
    };
    let found = find::event(node.store(), &view, event_id).await?;
    let found = found.filter(|event| event.standing != PduStanding::Rejected).ok_or_else(nothing)?;
    served(node, &view, origin, &[found]).await?.pop().ok_or_else(nothing)
}

/// Events and what lies before them, the newest first: those of `from` and their predecessors.
///
/// # Errors
/// [`ServingError::Forbidden`] for a server that is not in the room.
///
/// <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1backfillroomid>
pub async fn backfill(
    node: &Node,
    origin: &ServerName,
    room_id: &RoomId,
    from: &[OwnedEventId],
    limit: usize,
) -> Result<Vec<Box<RawValue>>, ServingError> {
    let view = shared_room(node, origin, room_id).await?;
    let mut walk = Walk::of(node, &view);
    walk.reach(from.iter().take(MOST_ENDS)).await?;
    let mut events = Vec::new();
    while events.len() < limit.min(MOST_EVENTS)
        && let Some(event) = walk.next().await?
    {
        events.push(event);
    }
    Ok(served(node, &view, origin, &events).await?)
}

/// What lies between events that a server has and events that it got.
#[derive(Debug, Clone)]
pub struct MissingEvents {
    /// Those that it has.
    pub earliest: Vec<OwnedEventId>,
    /// Those that it got.
    pub latest: Vec<OwnedEventId>,
    /// The least depth that it wants.
    pub min_depth: u64,
    /// The most events that it wants.
    pub limit: usize,
}

/// The events of a gap, oldest first; of more than are wanted those nearest to the latest.
///
/// # Errors
/// [`ServingError::Forbidden`] for a server that is not in the room.
///
/// <https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1get_missing_eventsroomid>
pub async fn missing_events(
    node: &Node,
    origin: &ServerName,
    room_id: &RoomId,
    gap: MissingEvents,
) -> Result<Vec<Box<RawValue>>, ServingError> {
    let view = shared_room(node, origin, room_id).await?;
    let mut walk = Walk::of(node, &view);
    let latest: HashSet<&OwnedEventId> = gap.latest.iter().take(MOST_ENDS).collect();
    walk.seen.extend(gap.earliest.iter().filter(|id| !latest.contains(id)).take(MOST_ENDS).cloned());
    walk.reach(latest.iter().copied()).await?;
    let mut events = Vec::new();
    while events.len() < gap.limit.min(MOST_EVENTS)
        && let Some(event) = walk.next().await?
        && event.pdu.depth() >= gap.min_depth
    {
        if !latest.contains(&event.pdu.event_id().to_owned()) {
            events.push(event);
        }
    }
    events.reverse();
    Ok(served(node, &view, origin, &events).await?)
}

/// A walk from events to those before them, the deepest first.
struct Walk<'a> {
    node: &'a Node,
    view: &'a RoomView,
    seen: HashSet<OwnedEventId>,
    open: BinaryHeap<ByDepth>,
}

impl<'a> Walk<'a> {
    fn of(node: &'a Node, view: &'a RoomView) -> Self {
        Self { node, view, seen: HashSet::new(), open: BinaryHeap::new() }
    }

    /// Adds events that are in the room's timeline; others lead nowhere.
    async fn reach(&mut self, ids: impl Iterator<Item = &OwnedEventId>) -> Result<(), RoomError> {
        for id in ids {
            if !self.seen.insert(id.clone()) {
                continue;
            }
            let found = find::event(self.node.store(), self.view, id).await?;
            let in_timeline = |event: &Arc<RoomEvent>| {
                !matches!(event.standing, PduStanding::Outlier | PduStanding::Rejected)
            };
            self.open.extend(found.filter(in_timeline).map(ByDepth));
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<Arc<RoomEvent>>, RoomError> {
        let Some(ByDepth(event)) = self.open.pop() else { return Ok(None) };
        self.reach(event.pdu.prev_events().iter()).await?;
        Ok(Some(event))
    }
}

/// Ordered by depth, then by the place in the log.
struct ByDepth(Arc<RoomEvent>);

impl ByDepth {
    fn key(&self) -> (u64, i64) {
        (self.0.pdu.depth(), self.0.seq)
    }
}

impl PartialEq for ByDepth {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for ByDepth {}

impl PartialOrd for ByDepth {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByDepth {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
