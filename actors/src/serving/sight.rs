//! What a server may see of an event, by the history visibility and its users' memberships at the event.
//!
//! What it may not see, and what was redacted, it gets redacted: the event still has its place in the room, and whoever must
//! check others by it still can.

use std::{collections::HashMap, sync::Arc};

use playhouse_rules::{Pdu, redact::redacted, visibility::VisibilityTimeline};
use ruma::{
    OwnedEventId, ServerName, UserId,
    events::room::{history_visibility::HistoryVisibility, member::MembershipState},
};
use serde_json::value::RawValue;

use crate::{
    Node,
    room::{RoomError, RoomEvent, RoomView},
    timeline::{find, visibility::versions},
};

/// The users of a server whose memberships are looked at to decide what it may see.
const MOST_USERS: usize = 1_000;

/// What one server may see of one room that it is in.
pub(super) enum ServerSight {
    /// Nothing was ever hidden from members.
    Everything,
    /// What any of its users may see.
    ByEvent(Vec<VisibilityTimeline>),
}

impl ServerSight {
    /// Reads what a server may see.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn of(node: &Node, view: &RoomView, server: &ServerName) -> Result<Self, RoomError> {
        if view.history_always_open {
            return Ok(Self::Everything);
        }
        let (store, room) = (node.store(), &view.room_id);
        let visibilities = versions(store, room, "m.room.history_visibility", "").await?;
        let visibilities: Vec<(i64, HistoryVisibility)> =
            visibilities.into_iter().map(|(seq, word)| (seq, HistoryVisibility::from(word))).collect();
        let members = view.state.of_kind("m.room.member").map(|(user, _)| user);
        let own =
            members.filter(|user| <&UserId>::try_from(*user).is_ok_and(|user| user.server_name() == server));
        let mut timelines = Vec::new();
        for user in own.take(MOST_USERS) {
            let memberships = versions(store, room, "m.room.member", user).await?;
            let memberships =
                memberships.into_iter().map(|(seq, word)| (seq, MembershipState::from(word))).collect();
            timelines.push(VisibilityTimeline::new(visibilities.clone(), memberships));
        }
        Ok(Self::ByEvent(timelines))
    }

    fn may_see(&self, event: &RoomEvent) -> bool {
        match self {
            Self::Everything => true,
            Self::ByEvent(users) => users.iter().any(|user| user.may_see(event.seq, Some(&event.pdu))),
        }
    }
}

/// The events as a server may see them.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn served(
    node: &Node,
    view: &RoomView,
    server: &ServerName,
    events: &[Arc<RoomEvent>],
) -> Result<Vec<Box<RawValue>>, RoomError> {
    let sight = ServerSight::of(node, view, server).await?;
    let redactions: HashMap<OwnedEventId, Pdu> = find::redactions(node.store(), view, events.iter()).await?;
    let mut served = Vec::with_capacity(events.len());
    for event in events {
        let is_hidden = !sight.may_see(event) || redactions.contains_key(event.pdu.event_id());
        let pdu = if is_hidden { redacted(view.version, &event.pdu) } else { Ok(event.pdu.clone()) };
        let pdu = pdu.map_err(|error| RoomError::Corrupt(error.to_string()))?;
        served.push(pdu.json().to_owned());
    }
    Ok(served)
}
