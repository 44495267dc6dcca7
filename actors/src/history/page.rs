//! Pages of a room's timeline that go through its gaps.

use std::sync::Arc;

use super::rows::GapRows;
use crate::{
    Node,
    room::{RoomError, RoomEvent, RoomView},
    timeline::{
        page::{Direction, Gap, PageRequest, chunk_of, page},
        visibility::Sight,
    },
};

/// Events of a gap that are read at a time.
const CHUNK: i64 = 100;
/// How often one page has a gap filled.
const MOST_FILLS: usize = 5;

/// A place in a room's timeline: between two rows of its log, or between two events of a gap there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Before which row of the log.
    pub before: Gap,
    /// In the gap before that row: after how many of its events, newest first.
    pub inside: Option<i64>,
}

impl From<Gap> for Place {
    fn from(before: Gap) -> Self {
        Self { before, inside: None }
    }
}

impl Place {
    /// The token as clients carry it.
    pub fn encode(self) -> String {
        let before = self.before.encode();
        self.inside.map_or_else(|| before.clone(), |inside| format!("{before}h{inside}"))
    }

    /// Reads a token that [`Self::encode`] made.
    pub fn decode(token: &str) -> Option<Self> {
        let Some((before, inside)) = token.split_once('h') else { return Gap::decode(token).map(Self::from) };
        let inside = inside.parse().ok().filter(|inside| *inside >= 0)?;
        Some(Self { before: Gap::decode(before)?, inside: Some(inside) })
    }
}

/// Events in the order of the direction, and where the next page starts.
#[derive(Debug)]
pub struct DeepPage {
    /// The events.
    pub events: Vec<Arc<RoomEvent>>,
    /// Where to go on; `None` at the end of what the user can see.
    pub end: Option<Place>,
}

/// What to page through: as [`PageRequest`], from a place that may lie in a gap.
pub struct DeepRequest<'a> {
    /// Where to start.
    pub from: Place,
    /// Where to stop, if not at the end of history.
    pub to: Option<Gap>,
    /// The direction.
    pub direction: Direction,
    /// The most events.
    pub limit: usize,
    /// Which events count.
    pub matches: &'a (dyn Fn(&RoomEvent) -> bool + Sync),
}

/// At most `limit` visible events from a place on that match. On the way back gaps are filled.
///
/// # Errors
/// When the store does not answer.
pub async fn deep_page(
    node: &Node,
    view: &RoomView,
    sight: &Sight,
    request: &DeepRequest<'_>,
) -> Result<DeepPage, RoomError> {
    let events = Vec::new();
    Pager { node, view, sight, request, events, fills: 0 }.run().await
}

struct Pager<'a> {
    node: &'a Node,
    view: &'a RoomView,
    sight: &'a Sight,
    request: &'a DeepRequest<'a>,
    events: Vec<Arc<RoomEvent>>,
    fills: usize,
}

/// Where a part of a page ended.
enum Ended {
    /// The page is full, or there is no more for now.
    At(Option<Place>),
    /// It goes on there.
    GoesOn(Place),
}

impl Pager<'_> {
    async fn run(mut self) -> Result<DeepPage, RoomError> {
        let mut at = self.request.from;
        if at.inside.is_none()
            && self.request.direction == Direction::Backward
            && self.starts_gap(at.before).await?
        {
            at.inside = Some(0);
        }
        loop {
            let ended = match (at.inside, self.request.direction) {
                (Some(inside), Direction::Backward) => self.back_through_gap(at.before, inside).await?,
                (Some(inside), Direction::Forward) => self.on_through_gap(at.before, inside).await?,
                (None, _) => self.through_log(at.before).await?,
            };
            match ended {
                Ended::At(end) => return Ok(DeepPage { events: self.events, end }),
                Ended::GoesOn(place) => at = place,
            }
        }
    }

    async fn starts_gap(&self, before: Gap) -> Result<bool, RoomError> {
        if before.0 > self.view.head_seq || self.request.to.is_some_and(|to| to >= before) {
            return Ok(false);
        }
        let row = chunk_of(self.node.store(), self.view, before.0, before.0).await?.pop();
        Ok(row.is_some_and(|row| row.after_gap))
    }

    fn rows(&self, before: Gap) -> GapRows<'_> {
        GapRows { store: self.node.store(), view: self.view, before: before.0 }
    }

    fn left(&self) -> usize {
        self.request.limit.saturating_sub(self.events.len())
    }

    fn shows(&self, event: &RoomEvent) -> bool {
        self.sight.may_see(event) && (self.request.matches)(event)
    }

    /// From a place in a gap to older events, as far as there are any to be had.
    async fn back_through_gap(&mut self, before: Gap, mut inside: i64) -> Result<Ended, RoomError> {
        let mut head = self.rows(before).head().await?;
        loop {
            let count = head.as_ref().map_or(0, |head| head.count);
            while inside < count {
                let chunk = self.rows(before).events(inside..(inside + CHUNK).min(count)).await?;
                if chunk.is_empty() {
                    return Ok(Ended::At(None));
                }
                for event in chunk {
                    if self.left() == 0 {
                        return Ok(Ended::At(Some(Place { before, inside: Some(inside) })));
                    }
                    inside += 1;
                    if self.shows(&event) {
                        self.events.push(event);
                    }
                }
            }
            let here = Some(Place { before, inside: Some(inside) });
            if self.left() == 0 {
                return Ok(Ended::At(here));
            }
            if head.as_ref().is_some_and(|head| head.open.is_empty()) {
                // What lies before the gap in the log.
                return Ok(Ended::GoesOn(Place::from(before)));
            }
            if self.fills >= MOST_FILLS {
                // All of it may be hidden or filtered out; the next page goes on from here.
                return Ok(Ended::At(here));
            }
            self.fills += 1;
            let filled = self.rows(before).filled_beyond(self.node, count).await?;
            if filled.count <= count && !filled.open.is_empty() {
                // No server has more to tell now. A client that has got something may ask again.
                return Ok(Ended::At(here.filter(|_| !self.events.is_empty())));
            }
            head = Some(filled);
        }
    }

    /// From a place in a gap to newer events, and on in the log.
    async fn on_through_gap(&mut self, before: Gap, mut inside: i64) -> Result<Ended, RoomError> {
        while inside > 0 {
            let first = (inside - CHUNK).max(0);
            let mut chunk = self.rows(before).events(first..inside).await?;
            chunk.reverse();
            for event in chunk {
                if self.left() == 0 {
                    return Ok(Ended::At(Some(Place { before, inside: Some(inside) })));
                }
                inside -= 1;
                if self.shows(&event) {
                    self.events.push(event);
                }
            }
            inside = inside.min(first);
        }
        Ok(Ended::GoesOn(Place::from(before)))
    }

    /// Through the log up to its next gap. The place is beyond a gap that lies there.
    async fn through_log(&mut self, from: Gap) -> Result<Ended, RoomError> {
        let request = PageRequest {
            from,
            to: self.request.to,
            direction: self.request.direction,
            limit: self.left(),
            matches: self.request.matches,
        };
        let found = page(self.node.store(), self.view, self.sight, &request).await?;
        self.events.extend(found.events);
        let Some(end) = found.end else { return Ok(Ended::At(None)) };
        match self.request.direction {
            Direction::Backward if found.at_gap && self.request.to.is_none_or(|to| to < end) => {
                Ok(Ended::GoesOn(Place { before: end, inside: Some(0) }))
            }
            Direction::Forward if found.at_gap => {
                let head = self.rows(end).head().await?;
                Ok(Ended::GoesOn(Place { before: end, inside: Some(head.map_or(0, |head| head.count)) }))
            }
            _ => Ok(Ended::At(Some(Place::from(end)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back_from_its_token() {
        for (place, token) in [
            (Place::from(Gap(7)), "p7"),
            (Place { before: Gap(7), inside: Some(0) }, "p7h0"),
            (Place { before: Gap(7), inside: Some(12) }, "p7h12"),
        ] {
            assert_eq!(place.encode(), token);
            assert_eq!(Place::decode(token), Some(place));
        }
        for wrong in ["", "7", "p", "ph", "p7h", "p7h-1", "ph1", "p7h1h2"] {
            assert_eq!(Place::decode(wrong), None, "{wrong}");
        }
    }
}
