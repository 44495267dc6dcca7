//! `GET /_matrix/federation/v1/query/directory`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1querydirectory>

use playhouse_actors::reading;
use ruma::api::federation::query::get_room_information::v1::{Request, Response};

use crate::{ApiError, Context, Origin, client::rooms::room_of_alias, federation::must_be_ours};

/// Tells another server which room an alias of this one leads to.
pub async fn handler(cx: Context<Origin>, request: Request) -> Result<Response, ApiError> {
    must_be_ours(&cx, request.room_alias.server_name())?;
    let room_id = room_of_alias(cx.node(), &request.room_alias).await?;
    let servers = reading::servers_in(cx.node(), &room_id).await?;
    Ok(Response::new(room_id, servers))
}
