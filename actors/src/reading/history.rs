//! Pages of a room's timeline, single events, and the events around one, as a reader may see them.

use std::{collections::BTreeSet, sync::Arc};

use ruma::{EventId, OwnedUserId, RoomId, UserId, api::client::filter::RoomEventFilter};
use serde_json::value::RawValue;

use super::{Reading, Snapshot, access::has_forgotten, state::version_at};
use crate::{
    Node,
    history::page::{DeepRequest, Place, deep_page},
    room::{RoomError, RoomEvent, RoomView},
    sync::filter::EventFilter as _,
    timeline::{
        Reader,
        context::context,
        find,
        page::{Direction, Gap},
        visibility::{Memberships, Sight},
    },
    user::{UserError, data::UserData},
};

/// Events on one page, whatever the client asks for.
const MOST_EVENTS: usize = 1_000;
/// Events around one, whatever the client asks for.
const MOST_AROUND: usize = 200;

/// Which page of the timeline somebody wants.
pub struct HistoryWish<'a> {
    /// Where to start; `None` for the end that the direction leads away from.
    pub from: Option<Place>,
    /// Where to stop.
    pub to: Option<Gap>,
    /// The direction.
    pub direction: Direction,
    /// The most events.
    pub limit: usize,
    /// Which events, and whether members come along.
    pub filter: &'a RoomEventFilter,
}

/// A page of the timeline.
pub struct HistoryPage {
    /// Where it starts.
    pub start: Place,
    /// Where to go on; `None` if there is nothing more to see.
    pub end: Option<Place>,
    /// The events, as the client gets them.
    pub chunk: Vec<Box<RawValue>>,
    /// The members who sent them, where the filter asks for them.
    pub state: Vec<Box<RawValue>>,
}

impl Reading {
    /// A page of the timeline.
    ///
    /// <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmessages>
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn page(
        &self,
        node: &Node,
        reader: &Reader<'_>,
        wish: &HistoryWish<'_>,
    ) -> Result<HistoryPage, RoomError> {
        let from = match (wish.from, wish.direction) {
            (Some(from), _) if from.before <= self.end() => from,
            (Some(_), _) | (None, Direction::Backward) => self.end().into(),
            (None, Direction::Forward) => Gap(0).into(),
        };
        if !wish.filter.passes_room(&self.view.room_id) {
            return Ok(HistoryPage { start: from, end: None, chunk: Vec::new(), state: Vec::new() });
        }
        let sight = Sight::of(node.store(), &self.view, reader.user).await?;
        let data = own_data(node, reader.user).await?;
        let request = DeepRequest {
            from,
            to: wish.to,
            direction: wish.direction,
            limit: wish.limit.min(MOST_EVENTS),
            matches: &|event: &RoomEvent| shows(wish.filter, &data, event),
        };
        let found = deep_page(node, &self.view, &sight, &request).await?;
        let first = Place::from(Gap(0));
        let end = found.end.filter(|end| wish.direction == Direction::Forward || *end != first);
        let state = if wish.filter.is_lazy() {
            senders(node, reader, &self.view, &found.events).await?
        } else {
            Vec::new()
        };
        let chunk = render(node, reader, &self.view, &found.events).await?;
        Ok(HistoryPage { start: from, end, chunk, state })
    }
}

/// Whether a page shows an event: the filter lets it through and its sender is not ignored.
///
/// > Servers must still send state events sent by ignored users to clients.
fn shows(filter: &RoomEventFilter, data: &UserData, event: &RoomEvent) -> bool {
    filter.passes(&event.pdu) && (event.pdu.is_state() || !data.ignores(event.pdu.sender()))
}

async fn own_data(node: &Node, user: &UserId) -> Result<Arc<UserData>, RoomError> {
    let feed = node.users().feed(user).await.map_err(|error| match error {
        UserError::Unavailable { retry_after } => RoomError::Unavailable { retry_after },
        UserError::Busy => RoomError::Busy,
        error => RoomError::Corrupt(error.to_string()),
    })?;
    Ok(feed.data())
}

/// Events as the reader gets them, with what was redacted and the reader's membership at each.
async fn render(
    node: &Node,
    reader: &Reader<'_>,
    view: &RoomView,
    events: &[Arc<RoomEvent>],
) -> Result<Vec<Box<RawValue>>, RoomError> {
    let redactions = find::redactions(node.store(), view, events.iter()).await?;
    let memberships = Memberships::of(node.store(), &view.room_id, reader.user).await?;
    let render = |event: &Arc<RoomEvent>| {
        let membership = memberships.at(event.seq);
        reader.event(view.version, event, redactions.get(event.pdu.event_id()), Some(&membership), true)
    };
    Ok(events.iter().map(render).collect())
}

/// The member events of those who sent the events, as of the newest of them.
async fn senders(
    node: &Node,
    reader: &Reader<'_>,
    view: &RoomView,
    events: &[Arc<RoomEvent>],
) -> Result<Vec<Box<RawValue>>, RoomError> {
    let Some(newest) = events.iter().map(|event| event.seq).max() else { return Ok(Vec::new()) };
    let senders: BTreeSet<OwnedUserId> = events.iter().map(|event| event.pdu.sender().to_owned()).collect();
    let mut state = playhouse_rules::RoomState::new(view.version);
    for sender in senders {
        state.extend(version_at(node.store(), view, "m.room.member", sender.as_str(), newest).await?);
    }
    let snapshot = Snapshot::of(node.store(), view, state).await?;
    Ok(snapshot.state.iter().map(|pdu| snapshot.render(reader, pdu)).collect())
}

/// The room in which somebody looks for an event; `None` where there is nothing to find.
async fn room_to_search(
    node: &Node,
    room_id: &RoomId,
    user: &UserId,
) -> Result<Option<Arc<RoomView>>, RoomError> {
    let view = match node.rooms().view(room_id).await {
        Ok(view) => view,
        Err(RoomError::UnknownRoom) => return Ok(None),
        Err(error) => return Err(error),
    };
    let forgotten = !view.state.is_joined(user) && has_forgotten(node, room_id, user).await?;
    Ok(Some(view).filter(|_| !forgotten))
}

/// An event, for somebody who may see it. A hidden one is like none.
///
/// <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomideventeventid>
///
/// # Errors
/// When the store does not answer.
pub async fn event(
    node: &Node,
    reader: &Reader<'_>,
    room_id: &RoomId,
    event_id: &EventId,
) -> Result<Option<Box<RawValue>>, RoomError> {
    let Some(view) = room_to_search(node, room_id, reader.user).await? else { return Ok(None) };
    let found = find::visible_event(node.store(), &view, event_id, reader.user).await?;
    let Some(event) = found else { return Ok(None) };
    Ok(render(node, reader, &view, &[event]).await?.pop())
}

/// The events around one, as the client gets them.
pub struct Around {
    /// The event.
    pub event: Box<RawValue>,
    /// What came before, newest first.
    pub before: Vec<Box<RawValue>>,
    /// What came after, oldest first.
    pub after: Vec<Box<RawValue>>,
    /// The state at the last event.
    pub state: Vec<Box<RawValue>>,
    /// Where to page back from.
    pub start: Place,
    /// Where to page on from.
    pub end: Place,
}

/// The events around one that somebody may see. A hidden one is like none.
///
/// <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidcontexteventid>
///
/// # Errors
/// When the store does not answer.
pub async fn around(
    node: &Node,
    reader: &Reader<'_>,
    room_id: &RoomId,
    event_id: &EventId,
    limit: usize,
    filter: &RoomEventFilter,
) -> Result<Option<Around>, RoomError> {
    let Some(view) = room_to_search(node, room_id, reader.user).await? else { return Ok(None) };
    let data = own_data(node, reader.user).await?;
    let matches = |event: &RoomEvent| filter.passes_room(room_id) && shows(filter, &data, event);
    let limit = limit.min(MOST_AROUND);
    let found = context(node, &view, reader.user, event_id, limit, &matches).await?;
    let Some(found) = found else { return Ok(None) };
    let event = Arc::clone(&found.event);
    let snapshot = Snapshot::of(node.store(), &view, found.state).await?;
    let shown = found.before.iter().chain([&event]).chain(&found.after);
    let needed: BTreeSet<&str> = shown.map(|event| event.pdu.sender().as_str()).collect();
    let is_needed = |pdu: &playhouse_rules::Pdu| {
        !filter.is_lazy()
            || pdu.kind_str() != "m.room.member"
            || pdu.state_key().is_some_and(|user| needed.contains(user))
    };
    let state = snapshot.state.iter().filter(|pdu| is_needed(pdu)).map(|pdu| snapshot.render(reader, pdu));
    let state = state.collect();
    Ok(Some(Around {
        event: render(node, reader, &view, &[event]).await?.pop().ok_or_else(RoomError::retry)?,
        before: render(node, reader, &view, &found.before).await?,
        after: render(node, reader, &view, &found.after).await?,
        state,
        start: found.start,
        end: found.end,
    }))
}
