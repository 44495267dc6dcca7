//! Being invited by a user of another server.

use playhouse_rules::{Pdu, countersign::countersigned, room_version::RoomVersion};
use ruma::{EventId, OwnedUserId, RoomId, ServerName, events::room::member::MembershipState};
use serde_json::{
    Map, Value,
    value::{RawValue, to_raw_value},
};

use crate::{
    Node,
    joining::{MembershipError, permission},
    room::{RoomError, outside::OutsideMembership},
};

/// The most events that describe a room.
const MOST_DESCRIBED: usize = 100;

/// An invite as another server sends it.
#[derive(Debug)]
pub struct IncomingInvite {
    /// The room's version.
    pub version: &'static RoomVersion,
    /// The invite.
    pub event: Box<RawValue>,
    /// The room as the inviting server describes it: stripped or whole events.
    pub described: Vec<Box<RawValue>>,
}

/// Why an invite is not taken.
#[derive(Debug, thiserror::Error)]
pub enum InviteRefused {
    /// The event is not an invite that this server could take; the text says why.
    #[error("{0}")]
    Malformed(String),
    /// Nothing says what room it is, where that must be said.
    #[error("invite_room_state must hold the room's create event")]
    NotDescribed,
    /// The invited user takes none, or the room's own answer.
    #[error(transparent)]
    Membership(#[from] MembershipError),
}

/// Checks an invite of `origin`, signs it, and shows it to the invited user: the invite with our signature.
///
/// # Errors
/// [`InviteRefused`].
///
/// <https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2inviteroomideventid>
pub async fn take_invite(
    node: &Node,
    origin: &ServerName,
    room_id: &RoomId,
    event_id: &EventId,
    incoming: IncomingInvite,
) -> Result<Box<RawValue>, InviteRefused> {
    let federation = node.federation().ok_or(MembershipError::UnknownRoom)?;
    let IncomingInvite { version, event, mut described } = incoming;
    described.truncate(MOST_DESCRIBED);
    let invite = federation.verify(version, event).await;
    let invite = invite.map_err(|error| InviteRefused::Malformed(error.to_string()))?;
    let target = check(node, origin, room_id, event_id, &invite)?;
    if version.room_id_is_create_hash() && !describes(version, &described, room_id) {
        return Err(InviteRefused::NotDescribed);
    }
    permission::may_be_invited(node, &target).await?;
    let signed = signed_by_us(node, version, &invite)?;
    let stripped = stripped_of(described, &signed);
    let note = OutsideMembership { member: signed.clone(), stripped };
    match node.rooms().handle(room_id).note_outside(version, note).await {
        // In a room that we are in it comes as every other event does.
        Ok(_) | Err(RoomError::BadState(_)) => Ok(signed.json().to_owned()),
        Err(error) => Err(MembershipError::from(error).into()),
    }
}

/// What must be right about an invite; the invited user.
fn check(
    node: &Node,
    origin: &ServerName,
    room_id: &RoomId,
    event_id: &EventId,
    invite: &Pdu,
) -> Result<OwnedUserId, InviteRefused> {
    let bad = |why: &str| Err(InviteRefused::Malformed(why.to_owned()));
    if invite.room_id() != room_id || invite.event_id() != event_id {
        return bad("the event is not the one that the path names");
    }
    if invite.sender().server_name() != origin {
        return bad("the inviting user is of another server");
    }
    if invite.kind_str() != "m.room.member" || invite.membership() != Some(&MembershipState::Invite) {
        return bad("the event is no invite");
    }
    match invite.state_key().and_then(|key| OwnedUserId::try_from(key).ok()) {
        Some(target) if target.server_name() == node.server_name() => Ok(target),
        _ => bad("the invited user is not of this server"),
    }
}

/// Whether whole events are among the description that include the room's create event, which names the room.
fn describes(version: &'static RoomVersion, described: &[Box<RawValue>], room_id: &RoomId) -> bool {
    let events = described.iter().filter_map(|event| Pdu::parse(version, event.clone(), None).ok());
    events.into_iter().any(|pdu| pdu.is_state_of("m.room.create", "") && pdu.room_id() == room_id)
}

/// The invite with our signature beside that of the inviting server.
fn signed_by_us(node: &Node, version: &'static RoomVersion, invite: &Pdu) -> Result<Pdu, InviteRefused> {
    let signed = countersigned(version, invite, &**node.key());
    signed.map_err(|error| InviteRefused::Malformed(error.to_string()))
}

/// What a client is shown of a room: of each event that describes it what stripped state has, and the member event itself. Of
/// two with the same key the first counts.
pub(super) fn stripped_of(described: Vec<Box<RawValue>>, member: &Pdu) -> Option<Box<RawValue>> {
    let mut shown: Vec<Map<String, Value>> = Vec::with_capacity(described.len() + 1);
    let own: Map<String, Value> = serde_json::from_str(member.stripped().get()).ok()?;
    for event in described.iter().take(MOST_DESCRIBED) {
        let Ok(mut event) = serde_json::from_str::<Map<String, Value>>(event.get()) else { continue };
        let is_create = event.get("type").is_some_and(|kind| kind == "m.room.create");
        event.retain(|key, _| match key.as_str() {
            "type" | "state_key" | "sender" | "content" => true,
            "origin_server_ts" => is_create,
            _ => false,
        });
        let is_whole =
            ["type", "state_key", "sender"].iter().all(|key| event.get(*key).is_some_and(Value::is_string))
                && event.get("content").is_some_and(Value::is_object);
        let same = |other: &Map<String, Value>| {
            other["type"] == event["type"] && other["state_key"] == event["state_key"]
        };
        if is_whole && !same(&own) && !shown.iter().any(same) {
            shown.push(event);
        }
    }
    shown.push(own);
    to_raw_value(&shown).ok()
}
