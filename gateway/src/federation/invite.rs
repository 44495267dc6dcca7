//! `PUT /_matrix/federation/{v1,v2}/invite/{roomId}/{eventId}`

pub mod v1;
pub mod v2;

use http::StatusCode;
use playhouse_actors::joining::remote::invited::{IncomingInvite, InviteRefused, take_invite};
use playhouse_rules::RoomVersion;
use ruma::{EventId, RoomId, RoomVersionId, UserId, api::error::ErrorCode};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    ApiError, Context, Origin,
    limits::{Class, Whose},
};

/// Signs an invite of a user of ours and shows it to them: the invite with our signature.
async fn invited(
    cx: &Context<Origin>,
    room_id: &RoomId,
    event_id: &EventId,
    version: &RoomVersionId,
    event: Box<RawValue>,
    described: Vec<Box<RawValue>>,
) -> Result<Box<RawValue>, ApiError> {
    let version = RoomVersion::get(version).ok_or_else(|| incompatible(version))?;
    take_tokens(cx, room_id, &event)?;
    let incoming = IncomingInvite { version, event, described };
    take_invite(cx.node(), &cx.caller.0, room_id, event_id, incoming).await.map_err(|error| match error {
        InviteRefused::Malformed(why) => ApiError::invalid_param(why),
        InviteRefused::NotDescribed => ApiError::missing_param(error.to_string()),
        InviteRefused::Membership(error) => error.into(),
    })
}

fn incompatible(version: &RoomVersionId) -> ApiError {
    let message = format!("This server does not support room version {version}");
    ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::IncompatibleRoomVersion, message)
        .with("room_version", version.as_str())
}

/// Counts an invite towards the limits of the inviting server, of the invited user and of the room.
///
/// # Errors
/// `M_LIMIT_EXCEEDED`.
fn take_tokens(cx: &Context<Origin>, room_id: &RoomId, event: &RawValue) -> Result<(), ApiError> {
    #[derive(Deserialize)]
    struct Invite {
        state_key: Option<String>,
    }
    let limits = &cx.gateway().limits;
    limits.take(Class::Invites, Whose::Name(cx.caller.0.as_str()))?;
    limits.take(Class::Invites, Whose::Name(room_id.as_str()))?;
    let invited = serde_json::from_str::<Invite>(event.get()).ok().and_then(|invite| invite.state_key);
    match invited.filter(|user| <&UserId>::try_from(user.as_str()).is_ok()) {
        Some(user) => limits.take(Class::Invites, Whose::Name(&user)),
        None => Ok(()),
    }
}
