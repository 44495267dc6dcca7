//! Knocking on a room that this server is not in.

use playhouse_federation::client::Step;
use playhouse_rules::room_version::RoomVersion;
use ruma::{OwnedEventId, OwnedServerName, RoomId, RoomVersionId, ServerName, UserId};
use serde_json::{Map, Value};

use super::{
    invited::stripped_of,
    template::Place,
    through::{Failures, of_request, servers, unusable},
};
use crate::{
    Node,
    joining::MembershipError,
    room::{RoomView, outside::OutsideMembership},
};

/// Knocks through each server in turn.
///
/// # Errors
/// [`MembershipError`]: what the servers say.
pub(in crate::joining) async fn knock(
    node: &Node,
    user: &UserId,
    room_id: &RoomId,
    named: &[OwnedServerName],
    view: Option<&RoomView>,
    content: Map<String, Value>,
) -> Result<OwnedEventId, MembershipError> {
    let mut failures = Failures::default();
    for server in servers(node, room_id, user, named, view).await? {
        match knock_through(node, user, room_id, &server, content.clone()).await {
            Err(error @ (MembershipError::Refused { .. } | MembershipError::NotReached { .. })) => {
                failures.note(&server, error);
            }
            outcome => return outcome,
        }
    }
    Err(failures.into_error())
}

async fn knock_through(
    node: &Node,
    user: &UserId,
    room_id: &RoomId,
    server: &ServerName,
    content: Map<String, Value>,
) -> Result<OwnedEventId, MembershipError> {
    let federation = node.federation().ok_or(MembershipError::UnknownRoom)?;
    let refused = |error| of_request(server, error);
    let versions: Vec<&RoomVersionId> = RoomVersion::SUPPORTED.iter().map(RoomVersion::id).collect();
    let client = federation.client();
    let template = client.make(server, Step::Knock, room_id, user, &versions).await.map_err(refused)?;
    let place = Place::read(&template).map_err(|why| unusable(server, why))?;
    let member = place.member_event(node, room_id, user, Step::Knock, content)?;
    let described = client.send_knock(server, room_id, member.event_id(), member.json()).await;
    let stripped = stripped_of(described.map_err(refused)?, &member);
    let note = OutsideMembership { member, stripped };
    Ok(node.rooms().handle(room_id).note_outside(place.version, note).await?)
}
