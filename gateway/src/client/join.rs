//! `POST /_matrix/client/*/join/{roomIdOrAlias}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3joinroomidoralias>

use playhouse_actors::joining;
use ruma::api::client::membership::join_room_by_id_or_alias::v3::{Request, Response};

use super::rooms::{join::said, named_room};
use crate::{ApiError, Context, IntoReply};

/// Joins a room by its id or an alias.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    let said = said(&cx, request.reason, request.third_party_signed.as_ref())?;
    let (room_id, servers) = named_room(&cx, request.room_id_or_alias).await?;
    let via = [request.via, servers].concat();
    joining::join(cx.node(), cx.user_id(), &room_id, &via, said).await?;
    Ok(Response::new(room_id))
}
