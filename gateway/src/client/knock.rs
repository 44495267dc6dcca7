//! `POST /_matrix/client/*/knock/{roomIdOrAlias}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3knockroomidoralias>

use playhouse_actors::joining::{self, Said};
use ruma::api::client::knock::knock_room::v3::{Request, Response};

use super::rooms::named_room;
use crate::{ApiError, Context, IntoReply};

/// Asks to be let into a room.
pub async fn handler(cx: Context, request: Request) -> Result<impl IntoReply, ApiError> {
    let (room_id, servers) = named_room(&cx, request.room_id_or_alias).await?;
    let via = [request.via, servers].concat();
    let said = Said { reason: request.reason, ..Said::default() };
    joining::knock(cx.node(), cx.user_id(), &room_id, &via, said).await?;
    Ok(Response::new(room_id))
}
