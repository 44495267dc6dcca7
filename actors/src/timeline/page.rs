//! Pages of a room's history in log order, both ways.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmessages>

use std::sync::Arc;

use playhouse_storage::Store;

use super::visibility::Sight;
use crate::room::{RoomError, RoomEvent, RoomView, load::read_events};

/// Log rows that one request may look at while it searches for matching events.
const MOST_ROWS: usize = 5_000;
const CHUNK: i64 = 100;

/// A place between two events of a room's log: before the event with this sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap(pub i64);

impl Gap {
    /// The token as clients carry it.
    pub fn encode(self) -> String {
        format!("p{}", self.0)
    }

    /// Reads a token that [`Self::encode`] made.
    pub fn decode(token: &str) -> Option<Self> {
        token.strip_prefix('p')?.parse().ok().map(Self)
    }
}

/// In which direction to page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Newest first.
    Backward,
    /// Oldest first.
    Forward,
}

/// Events in the order of the direction, and where the next page starts.
#[derive(Debug)]
pub struct Page {
    /// The events.
    pub events: Vec<Arc<RoomEvent>>,
    /// Where to go on; `None` at the end of the history that the user can see.
    pub end: Option<Gap>,
    /// Whether it ended at a gap in the log: what lies there is not among the events.
    pub at_gap: bool,
}

/// At most `limit` visible events from a gap on that match, without passing `to`, and without passing a gap in the log but
/// for one that it starts at.
///
/// # Errors
/// When the store does not answer.
pub async fn page(
    store: &Store,
    view: &RoomView,
    sight: &Sight,
    request: &PageRequest<'_>,
) -> Result<Page, RoomError> {
    let mut events = Vec::new();
    let mut at = request.from.0.clamp(0, view.head_seq + 1);
    let mut looked_at = 0;
    // At first no more than is wanted: mostly all of it matches.
    let mut rows = CHUNK.min(request.limit as i64);
    while events.len() < request.limit && looked_at < MOST_ROWS {
        let (first, last) = match request.direction {
            Direction::Backward => ((at - rows).max(request.to.map_or(0, |to| to.0)).max(0), at - 1),
            Direction::Forward => {
                (at, (at + rows - 1).min(request.to.map_or(i64::MAX, |to| to.0 - 1)).min(view.head_seq))
            }
        };
        if first > last {
            return Ok(Page { events, end: None, at_gap: false });
        }
        rows = CHUNK;
        let mut chunk = chunk_of(store, view, first, last).await?;
        if request.direction == Direction::Backward {
            chunk.reverse();
        }
        for event in chunk {
            if request.direction == Direction::Forward && event.after_gap && event.seq != request.from.0 {
                return Ok(Page { events, end: Some(Gap(event.seq)), at_gap: true });
            }
            looked_at += 1;
            at = match request.direction {
                Direction::Backward => event.seq,
                Direction::Forward => event.seq + 1,
            };
            if event.is_visible() && sight.may_see(&event) && (request.matches)(&event) {
                events.push(Arc::clone(&event));
            }
            if request.direction == Direction::Backward && event.after_gap {
                return Ok(Page { events, end: Some(Gap(at)), at_gap: true });
            }
            if events.len() == request.limit {
                break;
            }
        }
    }
    Ok(Page { events, end: Some(Gap(at)), at_gap: false })
}

/// What to page through.
pub struct PageRequest<'a> {
    /// Where to start.
    pub from: Gap,
    /// Where to stop, if not at the end of history.
    pub to: Option<Gap>,
    /// The direction.
    pub direction: Direction,
    /// The most events.
    pub limit: usize,
    /// Which events count.
    pub matches: &'a (dyn Fn(&RoomEvent) -> bool + Sync),
}

/// The events of a range of the log, oldest first; from memory where the tail covers it.
///
/// # Errors
/// When the store does not answer.
pub async fn chunk_of(
    store: &Store,
    view: &RoomView,
    first: i64,
    last: i64,
) -> Result<Vec<Arc<RoomEvent>>, RoomError> {
    let tail_start = view.tail_start();
    if first >= tail_start {
        let within = view.tail_from((first - tail_start) as usize);
        return Ok(within.take_while(|event| event.seq <= last).cloned().collect());
    }
    let events = read_events(store, view.version, &view.room_id, first, last).await?;
    Ok(events.into_iter().map(Arc::new).collect())
}

/// The gap after everything at or below a stream position: where a sync token stands in this room.
///
/// # Errors
/// When the store does not answer.
pub async fn gap_after(store: &Store, view: &RoomView, pos: i64) -> Result<Gap, RoomError> {
    if pos >= view.event_pos {
        return Ok(Gap(view.head_seq + 1));
    }
    if view.tail_covers(pos) {
        let first = view.tail_after(pos).next();
        return Ok(Gap(first.map_or(view.head_seq + 1, |event| event.seq)));
    }
    // Positions grow along the log: the first row above `pos` by bisection.
    let (mut low, mut high) = (0, view.tail_start());
    while low < high {
        let middle = low + (high - low) / 2;
        let rows = read_events(store, view.version, &view.room_id, middle, middle).await?;
        if rows.first().is_some_and(|event| event.pos > pos) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(Gap(low))
}
