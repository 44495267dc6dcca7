//! `GET /_matrix/client/*/directory/room/{roomAlias}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3directoryroomroomalias>

use playhouse_actors::reading;
use playhouse_federation::client::FoundRoom;
use ruma::{
    RoomAliasId,
    api::client::alias::get_alias::v3::{Request, Response},
};

use crate::{Anyone, ApiError, Context, client::rooms::room_of_alias, limits::Class};

/// Tells which room an alias leads to, and which servers are in it. An alias of another server is looked up there.
pub async fn handler(cx: Context<Anyone>, request: Request) -> Result<Response, ApiError> {
    let alias = &request.room_alias;
    if alias.server_name() == cx.node().server_name() {
        let room_id = room_of_alias(cx.node(), alias).await?;
        let servers = reading::servers_in(cx.node(), &room_id).await?;
        return Ok(Response::new(room_id, servers));
    }
    cx.limit_address(Class::Other)?;
    let FoundRoom { room_id, servers } = remote_room(&cx, alias).await?;
    Ok(Response::new(room_id, servers))
}

/// The room that an alias of another server leads to, and servers that are in it, as that server says.
///
/// # Errors
/// `M_NOT_FOUND` for an alias that leads nowhere; what keeps the other server from answering.
pub(in crate::client) async fn remote_room<C>(
    cx: &Context<C>,
    alias: &RoomAliasId,
) -> Result<FoundRoom, ApiError> {
    let found = cx.federation()?.client().room_of_alias(alias).await;
    found.map_err(|error| {
        let nothing = ApiError::not_found(format!("Room alias {alias} not found."));
        ApiError::of_remote(alias.server_name(), &error, nothing)
    })
}
