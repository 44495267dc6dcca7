//! Redactions: what is redacted by whom.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#redactions>

use playhouse_rules::redact::may_request_redaction;
use playhouse_storage::tables::room_log::Transaction;
use ruma::{EventId, OwnedEventId, RoomId, events::TimelineEventType};
use serde_json::{
    Map, Value,
    value::{RawValue, to_raw_value},
};

use super::{SendError, Sender};
use crate::{
    Node,
    room::{RoomError, message::SendEvent},
    timeline::find,
};

/// Types of events whose redaction would undo the room: the root of it, and a list that empty means "everybody out".
const NEVER_REDACTED: [&str; 2] = ["m.room.create", "m.room.server_acl"];

/// Redacts an event. The same transaction again answers the same redaction.
///
/// <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidredacteventidtxnid>
///
/// # Errors
/// [`SendError::NothingToRedact`]; [`RoomError::Forbidden`] for somebody else's event without the power to redact.
pub async fn redact(
    node: &Node,
    sender: Sender<'_>,
    room_id: &RoomId,
    target: &EventId,
    transaction_id: &str,
    reason: Option<&str>,
) -> Result<OwnedEventId, SendError> {
    let transaction = sender.transaction(format!("redact/{target}"), transaction_id)?;
    let mut content = Map::new();
    if let Some(reason) = reason {
        content.insert("reason".into(), reason.into());
    }
    request(node, sender, room_id, target, transaction, content).await
}

/// Sends a redaction whose content a client wrote.
///
/// > Homeservers MUST allow clients to send `m.room.redaction` events with this endpoint for all room versions. In rooms
/// > with a version older than 11 they MUST move the `redacts` property inside the `content` to the top level.
///
/// # Errors
/// As [`redact`], and [`SendError::BadContent`] if the content names no event.
pub(super) async fn send(
    node: &Node,
    sender: Sender<'_>,
    room_id: &RoomId,
    transaction: Transaction,
    content: &RawValue,
) -> Result<OwnedEventId, SendError> {
    let bad = |why: &str| SendError::BadContent(why.to_owned());
    let mut content: Map<String, Value> =
        serde_json::from_str(content.get()).map_err(|_| bad("the content must be an object"))?;
    let target = content.remove("redacts");
    let target = target.as_ref().and_then(Value::as_str).and_then(|target| <&EventId>::try_from(target).ok());
    let target = target.ok_or_else(|| bad("redacts must be the id of an event"))?;
    request(node, sender, room_id, target, transaction, content).await
}

async fn request(
    node: &Node,
    sender: Sender<'_>,
    room_id: &RoomId,
    target: &EventId,
    transaction: Transaction,
    content: Map<String, Value>,
) -> Result<OwnedEventId, SendError> {
    let room = node.rooms().handle(room_id);
    // Whoever lost the power since is still told what the first request did.
    if let Some(known) = room.answered_before(Some(&transaction)).await? {
        return Ok(known);
    }
    check(node, sender, room_id, target).await?;
    let request = SendEvent {
        sender: sender.user.to_owned(),
        kind: TimelineEventType::RoomRedaction,
        state_key: None,
        content: to_raw_value(&content).map_err(|error| SendError::BadContent(error.to_string()))?,
        redacts: Some(target.to_owned()),
        transaction: Some(transaction),
    };
    Ok(room.send(request).await.map_err(RoomError::hiding_unknown_room)?)
}

/// > Any user with a power level greater than or equal to the `m.room.redaction` event power level may send redactions
/// > for their own events in the room. If the user's power level is also greater than or equal to the `redact` power
/// > level of the room, the user may redact events sent by other users.
///
/// What another server has sent and this one has not got yet can be redacted by whoever may redact everything.
async fn check(node: &Node, sender: Sender<'_>, room_id: &RoomId, target: &EventId) -> Result<(), SendError> {
    let forbidden = |why: &str| Err(RoomError::Forbidden(why.to_owned()).into());
    let view = node.rooms().view_for_member(room_id, sender.user).await?;
    let event = find::event(node.store(), &view, target).await?;
    let Some(event) = event.filter(|event| event.is_visible()) else {
        let levels = view.state.power_levels();
        let may_be_elsewhere = view.has_others(node.server_name()) && !sender.is_suspended;
        let may_redact_all = levels.user_level(sender.user) >= levels.redact();
        return if may_be_elsewhere && may_redact_all { Ok(()) } else { Err(SendError::NothingToRedact) };
    };
    if !may_request_redaction(&view.state, sender.user, &event.pdu) {
        return forbidden("redacting somebody else's event needs more power");
    }
    if sender.is_suspended && event.pdu.sender() != sender.user {
        return Err(SendError::Suspended);
    }
    if event.pdu.is_state() && NEVER_REDACTED.contains(&event.pdu.kind_str()) {
        return forbidden("this event cannot be redacted");
    }
    Ok(())
}
