//! Which events of a transaction are taken: those of rooms that this server is in, from a server that the room's access list
//! lets in, signed as they must be.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use playhouse_rules::{Pdu, room_version::RoomVersion};
use ruma::{OwnedEventId, OwnedRoomId, RoomId, RoomVersionId, ServerName, UserId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    Node,
    room::{RoomError, RoomView},
};

/// What an origin is told of each of its events.
pub(super) type Results = BTreeMap<OwnedEventId, EventResult>;

/// Nothing, or why it was not taken.
#[derive(Debug, Default, Serialize)]
pub(super) struct EventResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// A transaction's events, sorted.
#[derive(Default)]
pub(super) struct Sorted {
    /// For the inbox, in their order.
    pub taken: Vec<Pdu>,
    /// Memberships of local users in rooms that this server is not in.
    pub outside: Vec<(Arc<RoomView>, Pdu)>,
    /// For the answer.
    pub results: Results,
}

#[derive(Deserialize)]
struct Addressed {
    room_id: OwnedRoomId,
}

/// Sorts the events of a transaction. Events that cannot be read, or of rooms that nothing is known of, cannot be named in
/// the answer, and are left out.
///
/// # Errors
/// A room cannot be read now: the transaction is to be sent again.
pub(super) async fn sort(
    node: &Node,
    origin: &ServerName,
    events: Vec<Box<RawValue>>,
) -> Result<Sorted, RoomError> {
    let mut views: HashMap<OwnedRoomId, Option<Arc<RoomView>>> = HashMap::new();
    let mut by_version: BTreeMap<&RoomVersionId, (&'static RoomVersion, Vec<Box<RawValue>>)> =
        BTreeMap::new();
    for event in events {
        let Ok(Addressed { room_id }) = serde_json::from_str(event.get()) else { continue };
        if !views.contains_key(&room_id) {
            views.insert(room_id.clone(), known_room(node, &room_id).await?);
        }
        let Some(view) = &views[&room_id] else { continue };
        by_version.entry(view.version.id()).or_insert_with(|| (view.version, Vec::new())).1.push(event);
    }
    let mut sorted = Sorted::default();
    for (version, events) in by_version.into_values() {
        for verified in verified(node, version, events).await {
            let Some(Some(view)) = views.get(verified.room_id()) else { continue };
            sorted.add(node, origin, view, verified);
        }
    }
    Ok(sorted)
}

impl Sorted {
    fn add(&mut self, node: &Node, origin: &ServerName, view: &Arc<RoomView>, pdu: Pdu) {
        let id = pdu.event_id().to_owned();
        let error = if !view.state.server_acl().allows(origin) {
            Some(format!("{origin} is shut out of the room by its server ACL"))
        } else if view.is_current(node.server_name()) {
            self.taken.push(pdu);
            None
        } else if is_about_us(node, &pdu) {
            self.outside.push((Arc::clone(view), pdu));
            None
        } else {
            Some("this server is not in the room".to_owned())
        };
        self.results.insert(id, EventResult { error });
    }
}

/// Whether the event is the membership of a local user.
fn is_about_us(node: &Node, pdu: &Pdu) -> bool {
    let target = pdu.state_key().and_then(|key| <&UserId>::try_from(key).ok());
    pdu.kind_str() == "m.room.member" && target.is_some_and(|user| user.server_name() == node.server_name())
}

/// A room as this server knows it; nothing of one that it does not know or cannot read for good.
async fn known_room(node: &Node, room_id: &RoomId) -> Result<Option<Arc<RoomView>>, RoomError> {
    match node.rooms().view(room_id).await {
        Ok(view) => Ok(Some(view)),
        Err(RoomError::UnknownRoom | RoomError::Quarantined { .. } | RoomError::Corrupt(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn verified(node: &Node, version: &'static RoomVersion, events: Vec<Box<RawValue>>) -> Vec<Pdu> {
    let Some(federation) = node.federation() else { return Vec::new() };
    let log = |error: &_| tracing::debug!(%error, "an event of a transaction is not taken");
    let verified = federation.verify_all(version, events).await;
    verified.into_iter().filter_map(|event| event.inspect_err(log).ok()).collect()
}
