//! `POST /_matrix/client/*/rooms/{roomId}/join`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidjoin>

use playhouse_actors::joining::{self, Said};
use ruma::api::client::membership::{
    ThirdPartySigned,
    join_room_by_id::v3::{Request, Response},
};

use crate::{ApiError, Context, IntoReply};

/// Joins a room by its id.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    let said = said(&cx, request.reason, request.third_party_signed.as_ref())?;
    joining::join(cx.node(), cx.user_id(), &request.room_id, &[], said).await?;
    Ok(Response::new(request.room_id))
}

/// What the client says with the join: a reason, and whatever else it put into the body.
///
/// # Errors
/// `M_FORBIDDEN` for a proof of a third-party invite: no such invite is ever pending here.
pub(in crate::client) fn said(
    cx: &Context,
    reason: Option<String>,
    third_party_signed: Option<&ThirdPartySigned>,
) -> Result<Said, ApiError> {
    if third_party_signed.is_some() {
        return Err(ApiError::forbidden(
            "This server uses no identity server, so nobody is invited through one",
        ));
    }
    Ok(Said { reason, extra: cx.request.body_as()? })
}
