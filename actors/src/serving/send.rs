//! Member events that come back signed.
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#joining-rooms>

use playhouse_federation::client::Step;
use playhouse_rules::{Pdu, countersign::countersigned, state::RoomState};
use ruma::{EventId, OwnedServerName, OwnedUserId, RoomId, ServerName, UserId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    ServedState, ServingError, access::room_to_enter, restricted::check_voucher, state::with_auth_chain,
};
use crate::{
    Node,
    ingest::{Source, state::before_event},
    room::{RoomError, RoomView, commit::SHOWN_WITH_INVITES},
};

/// What a server is told that has joined.
#[derive(Debug, Serialize)]
pub struct SentJoin {
    /// This server.
    pub origin: OwnedServerName,
    /// The join, with our signature where a user of ours vouches for it.
    pub event: Box<RawValue>,
    /// The state before the join, and what it cites.
    #[serde(flatten)]
    pub state: ServedState<Box<RawValue>>,
    /// Whether members are left out of the state: never.
    pub members_omitted: bool,
    /// The servers in the room before the join.
    pub servers_in_room: Vec<OwnedServerName>,
}

/// Takes a join in.
///
/// # Errors
/// [`ServingError`].
///
/// <https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_joinroomideventid>
pub async fn send_join(
    node: &Node,
    origin: &ServerName,
    room_id: &RoomId,
    event_id: &EventId,
    event: Box<RawValue>,
) -> Result<SentJoin, ServingError> {
    let (_, join) = take(node, origin, Step::Join, room_id, event_id, event).await?;
    let view = node.rooms().view(room_id).await?;
    let lost = || RoomError::Corrupt("a join that was taken is not in the log".to_owned());
    let before: RoomState = before_event(node.store(), &view, event_id).await?.ok_or_else(lost)?;
    let state = with_auth_chain(node, &view, &before).await?;
    Ok(SentJoin {
        origin: node.server_name().to_owned(),
        event: join.json().to_owned(),
        state: state.map(|pdu| pdu.json().to_owned()),
        members_omitted: false,
        servers_in_room: before.joined_servers().map(ToOwned::to_owned).collect(),
    })
}

/// Takes a leave in.
///
/// # Errors
/// [`ServingError`].
///
/// <https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_leaveroomideventid>
pub async fn send_leave(
    node: &Node,
    origin: &ServerName,
    room_id: &RoomId,
    event_id: &EventId,
    event: Box<RawValue>,
) -> Result<(), ServingError> {
    take(node, origin, Step::Leave, room_id, event_id, event).await.map(drop)
}

/// Takes a knock in: the events that describe the room to who knocks.
///
/// # Errors
/// [`ServingError`].
///
/// <https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1send_knockroomideventid>
pub async fn send_knock(
    node: &Node,
    origin: &ServerName,
    room_id: &RoomId,
    event_id: &EventId,
    event: Box<RawValue>,
) -> Result<Vec<Box<RawValue>>, ServingError> {
    let (view, _) = take(node, origin, Step::Knock, room_id, event_id, event).await?;
    let shown = SHOWN_WITH_INVITES.iter().filter_map(|kind| view.state.get(*kind, ""));
    Ok(shown.map(|pdu| pdu.json().to_owned()).collect())
}

/// Checks a member event, vouches for it where that is asked of us, and takes it in: the room before it, and the event.
async fn take(
    node: &Node,
    origin: &ServerName,
    step: Step,
    room_id: &RoomId,
    event_id: &EventId,
    event: Box<RawValue>,
) -> Result<(std::sync::Arc<RoomView>, Pdu), ServingError> {
    let view = room_to_enter(node, origin, room_id).await?;
    let malformed = |error: &dyn ToString| ServingError::Malformed(error.to_string());
    let event = Pdu::parse(view.version, event, None).map_err(|error| malformed(&error))?;
    let user = check(origin, step, room_id, event_id, &event)?;
    let event = vouched_for(node, &view, event, &user).await?;
    let federation = node.federation().ok_or_else(|| ServingError::NotFound(origin.to_owned()))?;
    let verified = federation.verify(view.version, event.json().to_owned()).await;
    let event = verified.map_err(|error| ServingError::Forbidden(error.to_string()))?;
    node.ingest().receive(room_id, event.clone(), Source::Handed(origin.to_owned())).await?;
    let now = node.rooms().view(room_id).await?;
    let stands = now.state.get("m.room.member", user.as_str());
    if stands.is_none_or(|stands| stands.event_id() != event_id) {
        let why = format!("the room has moved on, and does not let {user} do this any more");
        return Err(ServingError::Forbidden(why));
    }
    Ok((view, event))
}

/// What must be right about a member event; whose it is.
fn check(
    origin: &ServerName,
    step: Step,
    room_id: &RoomId,
    event_id: &EventId,
    event: &Pdu,
) -> Result<OwnedUserId, ServingError> {
    let bad = |why: &str| Err(ServingError::Malformed(why.to_owned()));
    if event.room_id() != room_id || event.event_id() != event_id {
        return bad("the event is not the one that the path names");
    }
    let membership = event.membership().map(ToString::to_string);
    if event.kind_str() != "m.room.member" || membership.as_deref() != Some(step.word()) {
        return bad("the event is not the member event that this endpoint takes");
    }
    if event.state_key() != Some(event.sender().as_str()) {
        return bad("the sender is not the user whose membership it is");
    }
    if event.sender().server_name() != origin {
        return Err(ServingError::Forbidden(format!("{} is not of {origin}", event.sender())));
    }
    Ok(event.sender().to_owned())
}

/// The event with our signature, if it names a user of ours who vouches for it and may.
async fn vouched_for(node: &Node, view: &RoomView, event: Pdu, user: &UserId) -> Result<Pdu, ServingError> {
    #[derive(Deserialize)]
    struct Content {
        join_authorised_via_users_server: Option<OwnedUserId>,
    }
    let content =
        event.content_as::<Content>().map_err(|error| ServingError::Malformed(error.to_string()))?;
    let vouching = content.join_authorised_via_users_server;
    let Some(vouching) = vouching.filter(|vouching| vouching.server_name() == node.server_name()) else {
        return Ok(event);
    };
    check_voucher(node, view, user, &vouching).await?;
    countersigned(view.version, &event, &**node.key())
        .map_err(|error| ServingError::Malformed(error.to_string()))
}
