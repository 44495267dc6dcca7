//! State events, and those of them that have rules of their own.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidstateeventtypestatekey>

use playhouse_rules::state::{PowerLevels, RoomState};
use ruma::{OwnedEventId, RoomId, UserId, events::TimelineEventType};
use serde_json::{Map, Value, value::RawValue};

use super::{SendError, Sender};
use crate::{
    Node, aliases, joining,
    room::{RoomError, message::SendEvent},
};

/// Sets the state of a type and a key.
///
/// # Errors
/// [`SendError`]. The state that stands already is none, and makes no new event.
pub async fn set_state(
    node: &Node,
    sender: Sender<'_>,
    room_id: &RoomId,
    (kind, state_key): (&str, &str),
    content: Box<RawValue>,
) -> Result<OwnedEventId, SendError> {
    if kind == "m.room.member" {
        return set_membership(node, sender, room_id, state_key, &content).await;
    }
    if sender.is_suspended {
        return Err(SendError::Suspended);
    }
    match (kind, state_key) {
        ("m.room.create", _) => {
            return Err(SendError::BadContent("a room is created once, and not by sending an event".into()));
        }
        ("m.room.canonical_alias", "") => {
            let view = node.rooms().view_for_member(room_id, sender.user).await?;
            aliases::check_canonical(node, &view, &content).await?;
        }
        ("m.room.power_levels", "") => {
            let view = node.rooms().view_for_member(room_id, sender.user).await?;
            check_power_levels(&view.state, &content)?;
        }
        _ => {}
    }
    let request = SendEvent {
        sender: sender.user.to_owned(),
        kind: TimelineEventType::from(kind),
        state_key: Some(state_key.to_owned()),
        content,
        redacts: None,
        transaction: None,
    };
    Ok(node.rooms().handle(room_id).send(request).await.map_err(RoomError::hiding_unknown_room)?)
}

async fn set_membership(
    node: &Node,
    sender: Sender<'_>,
    room_id: &RoomId,
    state_key: &str,
    content: &RawValue,
) -> Result<OwnedEventId, SendError> {
    let content: Map<String, Value> = serde_json::from_str(content.get())
        .map_err(|_| SendError::BadContent("the content must be an object".into()))?;
    let leaves = state_key == sender.user.as_str() && content.get("membership") == Some(&"leave".into());
    if sender.is_suspended && !leaves {
        return Err(SendError::Suspended);
    }
    Ok(joining::set_member_state(node, sender.user, room_id, state_key, content).await?)
}

/// Refuses what the rules of the room refuse to everybody: it is the request that is wrong then, and not the sender's
/// power that is too small. Levels must be of the right types, and creators whose power has no number must not be given
/// one.
///
/// <https://spec.matrix.org/v1.19/rooms/v12/#authorization-rules>
fn check_power_levels(state: &RoomState, content: &RawValue) -> Result<(), SendError> {
    let content: Map<String, Value> = serde_json::from_str(content.get())
        .map_err(|_| SendError::BadContent("the content must be an object".into()))?;
    let users = content.get("users").and_then(Value::as_object);
    let is_named = |creator: &UserId| users.is_some_and(|users| users.contains_key(creator.as_str()));
    if let Some(creator) = state.power_levels().creators().find(|creator| is_named(creator)) {
        return Err(SendError::BadContent(format!(
            "{creator} created the room and has no level in the power levels"
        )));
    }
    match PowerLevels::malformed_field(content, &state.version().rules().authorization) {
        Some(field) => Err(SendError::BadContent(format!(
            "{field} of the power levels is malformed: levels are integers, and users are named by their ids"
        ))),
        None => Ok(()),
    }
}
