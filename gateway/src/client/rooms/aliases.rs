//! `GET /_matrix/client/*/rooms/{roomId}/aliases`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidaliases>

use playhouse_actors::{aliases, reading::Reading, room::RoomError};
use ruma::{
    api::client::room::aliases::v3::{Request, Response},
    events::room::history_visibility::HistoryVisibility,
};

use crate::{ApiError, Context, IntoReply};

/// Lists the aliases of a room, for those who are in it or may read it from outside.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    let view = Reading::open(cx.node(), &request.room_id, cx.user_id()).await?.view;
    let may_read = view.state.is_joined(cx.user_id())
        || *view.state.history_visibility() == HistoryVisibility::WorldReadable;
    if !may_read {
        return Err(RoomError::Forbidden("You are not a member of the room.".into()).into());
    }
    Ok(Response::new(aliases::of_room(cx.node(), &request.room_id).await?))
}
