//! A membership written as a state event: the same rules as by its own endpoint.
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidstateeventtypestatekey>

use playhouse_rules::state::RoomState;
use ruma::{
    OwnedEventId, OwnedUserId, RoomId, UserId,
    events::{TimelineEventType, room::member::MembershipState},
};
use serde_json::{Map, Value, value::to_raw_value};

use super::{Measure, MembershipError, Said, content};
use crate::{
    Node,
    room::{RoomError, message::SendEvent},
};

/// What a member event in the state means, beside the one that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Join,
    /// A joined user says something else about themselves.
    Rewrite,
    Invite,
    Leave,
    Moderate(Measure),
    Knock,
}

/// Writes the member event of `state_key` with this content.
///
/// # Errors
/// [`MembershipError`]; [`MembershipError::BadContent`] for what is no user or no membership.
pub async fn set_member_state(
    node: &Node,
    sender: &UserId,
    room_id: &RoomId,
    state_key: &str,
    mut content: Map<String, Value>,
) -> Result<OwnedEventId, MembershipError> {
    let bad = |why: &str| MembershipError::BadContent(why.to_owned());
    let target = OwnedUserId::try_from(state_key).map_err(|_| bad("the state key must be a user id"))?;
    let membership = content.remove("membership");
    let membership =
        membership.as_ref().and_then(Value::as_str).ok_or_else(|| bad("membership must be a text"))?;
    let reason = match content.remove("reason") {
        None => None,
        Some(Value::String(reason)) => Some(reason),
        Some(_) => return Err(bad("reason must be a text")),
    };
    let present = present_state(node, room_id).await?;
    let meaning = meaning(sender, &target, membership, present.as_ref())?;
    let said = Said { reason, extra: content };
    match meaning {
        Meaning::Join => super::join(node, sender, room_id, &[], said).await,
        Meaning::Rewrite => rewrite(node, sender, room_id, said).await,
        Meaning::Invite => super::invite(node, sender, &target, room_id, said).await,
        Meaning::Leave => super::leave(node, sender, room_id, said).await,
        Meaning::Moderate(measure) => super::moderate(node, sender, &target, room_id, measure, said).await,
        Meaning::Knock => super::knock(node, sender, room_id, &[], said).await,
    }
}

/// The room's state; none of an unknown room, which then refuses whatever is asked of it.
async fn present_state(node: &Node, room_id: &RoomId) -> Result<Option<RoomState>, RoomError> {
    match node.rooms().view(room_id).await {
        Ok(view) => Ok(Some(view.state.clone())),
        Err(RoomError::UnknownRoom) => Ok(None),
        Err(error) => Err(error),
    }
}

fn meaning(
    sender: &UserId,
    target: &UserId,
    membership: &str,
    state: Option<&RoomState>,
) -> Result<Meaning, MembershipError> {
    let present = state.and_then(|state| state.membership(target));
    let own = sender == target;
    match membership {
        "join" | "knock" if !own => {
            let why = format!("nobody can {membership} for somebody else");
            Err(RoomError::Forbidden(why).into())
        }
        "join" if present == Some(&MembershipState::Join) => Ok(Meaning::Rewrite),
        "join" => Ok(Meaning::Join),
        "knock" => Ok(Meaning::Knock),
        "invite" => Ok(Meaning::Invite),
        "leave" if own => Ok(Meaning::Leave),
        "leave" if present == Some(&MembershipState::Ban) => Ok(Meaning::Moderate(Measure::Unban)),
        "leave" => Ok(Meaning::Moderate(Measure::Kick)),
        "ban" => Ok(Meaning::Moderate(Measure::Ban)),
        _ => Err(MembershipError::BadContent(format!("{membership} is no membership"))),
    }
}

/// A joined user's member event, exactly as the user wants it.
async fn rewrite(
    node: &Node,
    user: &UserId,
    room_id: &RoomId,
    said: Said,
) -> Result<OwnedEventId, MembershipError> {
    let mut content = content::allowed(said.extra)?;
    content.insert("membership".into(), "join".into());
    if let Some(reason) = said.reason {
        content.insert("reason".into(), reason.into());
    }
    let content = to_raw_value(&content).map_err(|error| MembershipError::BadContent(error.to_string()))?;
    let request = SendEvent {
        sender: user.to_owned(),
        kind: TimelineEventType::RoomMember,
        state_key: Some(user.to_string()),
        content,
        redacts: None,
        transaction: None,
    };
    let sent = node.rooms().handle(room_id).send(request).await;
    Ok(sent.map_err(RoomError::hiding_unknown_room)?)
}
