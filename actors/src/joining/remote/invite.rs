//! Inviting a user of another server: that server signs the invite before it stands.

use playhouse_federation::client::Invite;
use playhouse_rules::Pdu;
use ruma::OwnedEventId;
use serde_json::value::RawValue;

use super::through::{of_request, unusable};
use crate::{
    Node,
    ingest::{IngestError, Source},
    joining::MembershipError,
    room::{RoomError, commit::SHOWN_WITH_INVITES, message::ChangeMembership},
};

/// Makes the invite, has it signed by the invited user's server, and takes it in.
///
/// # Errors
/// [`MembershipError`]: the room refuses, or the other server does.
pub(in crate::joining) async fn invite(
    node: &Node,
    room_id: &ruma::RoomId,
    request: ChangeMembership,
) -> Result<OwnedEventId, MembershipError> {
    let no_federation = || MembershipError::OtherServer { user: request.target.clone() };
    let federation = node.federation().ok_or_else(no_federation)?;
    let server = request.target.server_name().to_owned();
    let invite = node.rooms().handle(room_id).draft_membership(request).await;
    let invite = invite.map_err(RoomError::hiding_unknown_room)?;
    let view = node.rooms().view(room_id).await?;
    let shown = SHOWN_WITH_INVITES.iter().filter_map(|kind| view.state.get(*kind, ""));
    let inviter = view.state.get("m.room.member", invite.sender().as_str());
    let described: Vec<Box<RawValue>> = shown.chain(inviter).map(|pdu| pdu.json().to_owned()).collect();
    let asked =
        Invite { event: invite.json(), room_version: view.version.id(), invite_room_state: &described };
    let answer = federation.client().invite(&server, room_id, invite.event_id(), &asked).await;
    let signed = answer.map_err(|error| of_request(&server, error))?;
    let signed = federation.verify(view.version, signed).await.map_err(|error| unusable(&server, error))?;
    if signed.event_id() != invite.event_id() {
        return Err(unusable(&server, "it answered with another event than the invite"));
    }
    take(node, signed).await
}

/// The room may have moved on meanwhile: then the invite is one end of a fork.
async fn take(node: &Node, invite: Pdu) -> Result<OwnedEventId, MembershipError> {
    let (room_id, event_id) = (invite.room_id().to_owned(), invite.event_id().to_owned());
    match node.ingest().receive(&room_id, invite, Source::Here).await {
        Ok(_) => Ok(event_id),
        Err(IngestError::Room(error)) => Err(error.into()),
        Err(error) => Err(RoomError::Forbidden(error.to_string()).into()),
    }
}
