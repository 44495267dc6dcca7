//! Templates of member events: what a user of another server needs to sign to enter a room of ours, or to leave it.
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#joining-rooms>

use playhouse_federation::client::Step;
use playhouse_rules::{
    Pdu,
    auth::{auth_events_for, check_against_state},
    builder::{EventFrame, PduBuilder},
};
use ruma::{
    MilliSecondsSinceUnixEpoch, RoomId, RoomVersionId, ServerName, UInt, UserId, events::TimelineEventType,
};
use serde::Serialize;
use serde_json::{Map, Value, value::to_raw_value};

use super::{ServingError, access::room_to_enter, restricted::voucher};
use crate::{
    Node,
    room::{RoomError, RoomView},
};

/// A member event without hashes and signatures, and the version of its room.
#[derive(Debug, Serialize)]
pub struct Template {
    room_version: RoomVersionId,
    event: Map<String, Value>,
}

/// The template of the event by which `user` takes a step. `versions` are those that the other server knows; `None` where it
/// does not matter.
///
/// # Errors
/// [`ServingError`]: each of the specification's refusals.
pub async fn make(
    node: &Node,
    origin: &ServerName,
    step: Step,
    room_id: &RoomId,
    user: &UserId,
    versions: Option<&[RoomVersionId]>,
) -> Result<Template, ServingError> {
    if user.server_name() != origin {
        return Err(ServingError::Forbidden(format!("{user} is not of {origin}")));
    }
    let view = room_to_enter(node, origin, room_id).await?;
    let room_version = view.version.id().clone();
    if versions.is_some_and(|versions| !versions.contains(&room_version)) {
        return Err(ServingError::IncompatibleVersion(room_version));
    }
    let mut content = Map::from_iter([("membership".to_owned(), Value::from(step.word()))]);
    if step == Step::Join
        && let Some(vouching) = voucher(node, &view, user).await?
    {
        content.insert("join_authorised_via_users_server".to_owned(), vouching.as_str().into());
    }
    let event = member_event(node, &view, user, &content)?;
    check_against_state(view.version, &event, &view.state)
        .map_err(|error| ServingError::Forbidden(error.to_string()))?;
    let mut event: Map<String, Value> =
        serde_json::from_str(event.json().get()).map_err(|error| RoomError::Corrupt(error.to_string()))?;
    event.remove("hashes");
    event.remove("signatures");
    Ok(Template { room_version, event })
}

/// The event as it would be; what is signed of it never leaves this function's caller.
fn member_event(
    node: &Node,
    view: &RoomView,
    user: &UserId,
    content: &Map<String, Value>,
) -> Result<Pdu, RoomError> {
    let content = to_raw_value(content).map_err(|error| RoomError::BadEvent(error.to_string()))?;
    let kind = TimelineEventType::RoomMember;
    let state_key = Some(user.as_str());
    let auth_events = auth_events_for(view.version, &kind, user, state_key, &content, &view.state)?;
    let prev_events = view.extremities.prev_events();
    let frame = EventFrame {
        version: view.version,
        room_id: Some(&view.room_id),
        sender: user,
        prev_events: &prev_events,
        auth_events: &auth_events,
        depth: view.extremities.next_depth(),
        origin_server_ts: MilliSecondsSinceUnixEpoch(UInt::new(node.clocks().now_ms()).unwrap_or(UInt::MAX)),
    };
    let builder = PduBuilder { kind, state_key: Some(user.to_string()), content, redacts: None };
    Ok(builder.build(&frame, &*node.rooms().tools().signer)?)
}
