//! `POST /_matrix/client/*/rooms/{roomId}/invite`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidinvite>

use http::StatusCode;
use playhouse_actors::joining::{self, Said};
use ruma::{
    RoomId, UserId,
    api::{
        client::membership::invite_user::v3::{InvitationRecipient, Request, Response},
        error::ErrorCode,
    },
};

use crate::{
    ApiError, Context, IntoReply,
    limits::{Class, Whose},
};

/// Invites a user by their id.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    let InvitationRecipient::UserId(invited) = request.recipient else {
        let message = "This server uses no identity server, so people are invited by their user ids";
        return Err(ApiError::new(StatusCode::FORBIDDEN, ErrorCode::ThreepidDenied, message));
    };
    take_tokens(&cx, Some(&request.room_id), &invited.user_id)?;
    let said = Said { reason: invited.reason, ..Said::default() };
    joining::invite(cx.node(), cx.user_id(), &invited.user_id, &request.room_id, said).await?;
    Ok(Response::new())
}

/// Counts an invite towards the limits of the inviter, of the invited user and of the room.
///
/// # Errors
/// `M_LIMIT_EXCEEDED`.
pub(in crate::client) fn take_tokens(
    cx: &Context,
    room: Option<&RoomId>,
    invited: &UserId,
) -> Result<(), ApiError> {
    let limits = &cx.gateway().limits;
    limits.take(Class::Invites, Whose::User(cx.user_id()))?;
    limits.take(Class::Invites, Whose::Name(invited.as_str()))?;
    room.map_or(Ok(()), |room| limits.take(Class::Invites, Whose::Name(room.as_str())))
}
