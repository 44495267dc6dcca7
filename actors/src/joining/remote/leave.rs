//! Rejecting an invite from a room that this server is not in, and taking a knock back.

use playhouse_federation::client::Step;
use playhouse_rules::Pdu;
use ruma::{OwnedEventId, RoomId, ServerName, UserId};
use serde_json::{Map, Value};

use super::{
    template::Place,
    through::{of_request, servers, unusable},
};
use crate::{
    Node,
    joining::MembershipError,
    room::{RoomView, outside::OutsideMembership},
};

/// Leaves through a server that is in the room; where none can be had, for this server alone: nobody is kept in an invite by
/// a server that is gone.
///
/// # Errors
/// [`MembershipError::Room`]: the leave cannot be kept.
pub(in crate::joining) async fn leave(
    node: &Node,
    user: &UserId,
    view: &RoomView,
    content: Map<String, Value>,
) -> Result<OwnedEventId, MembershipError> {
    let room_id = &view.room_id;
    let mut leave = None;
    for server in servers(node, room_id, user, &[], Some(view)).await? {
        match leave_through(node, user, room_id, &server, content.clone()).await {
            Ok(event) => {
                leave = Some(event);
                break;
            }
            Err(error) => tracing::debug!(%server, %error, "the user does not leave through this server"),
        }
    }
    let member = match leave {
        Some(leave) => leave,
        None => leave_alone(node, user, view, content)?,
    };
    let note = OutsideMembership { member, stripped: None };
    Ok(node.rooms().handle(room_id).note_outside(view.version, note).await?)
}

async fn leave_through(
    node: &Node,
    user: &UserId,
    room_id: &RoomId,
    server: &ServerName,
    content: Map<String, Value>,
) -> Result<Pdu, MembershipError> {
    let federation = node.federation().ok_or(MembershipError::UnknownRoom)?;
    let refused = |error| of_request(server, error);
    let client = federation.client();
    let template = client.make(server, Step::Leave, room_id, user, &[]).await.map_err(refused)?;
    let place = Place::read(&template).map_err(|why| unusable(server, why))?;
    let leave = place.member_event(node, room_id, user, Step::Leave, content)?;
    client.send_leave(server, room_id, leave.event_id(), leave.json()).await.map_err(refused)?;
    Ok(leave)
}

fn leave_alone(
    node: &Node,
    user: &UserId,
    view: &RoomView,
    content: Map<String, Value>,
) -> Result<Pdu, MembershipError> {
    let member = view.state.get("m.room.member", user.as_str()).ok_or(MembershipError::UnknownRoom)?;
    let place = Place::after(view.version, member);
    Ok(place.member_event(node, &view.room_id, user, Step::Leave, content)?)
}
