//! `PUT /_matrix/client/*/directory/list/room/{roomId}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3directorylistroomroomid>

use playhouse_actors::public_rooms;
use ruma::{
    OwnedRoomId,
    api::client::directory::set_room_visibility::v3::{Request, Response},
};
use serde::Deserialize;

use crate::{
    ApiError, Context, IntoReply,
    client::{directory::asker, loose::Loose},
};

#[derive(Debug, Default, Deserialize)]
struct Body {
    #[serde(default)]
    visibility: Visibility,
}

/// > The new visibility setting for the room. Defaults to `public`.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Visibility {
    #[default]
    Public,
    Private,
}

/// Lists a room, or takes it off the list.
pub async fn handler(cx: Context, request: Loose<Request>) -> Result<impl IntoReply, ApiError> {
    let (room_id,): (OwnedRoomId,) = request.path()?;
    let body: Body = cx.request.body_as()?;
    let listed = body.visibility == Visibility::Public;
    public_rooms::set_listed(cx.node(), asker(&cx), &room_id, listed).await?;
    Ok(Response::new())
}
