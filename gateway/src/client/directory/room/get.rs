//! `GET /_matrix/client/*/directory/room/{roomAlias}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3directoryroomroomalias>

use ruma::api::client::alias::get_alias::v3::{Request, Response};

use crate::{Anyone, ApiError, Context, client::rooms::room_of_alias, limits::Class};

/// Tells which room an alias leads to, and which servers are in it. An alias of another server is looked up there.
pub async fn handler(cx: Context<Anyone>, request: Request) -> Result<Response, ApiError> {
    let alias = &request.room_alias;
    let server = alias.server_name();
    if server == cx.node().server_name() {
        let room_id = room_of_alias(cx.node(), alias).await?;
        return Ok(Response::new(room_id, vec![server.to_owned()]));
    }
    let federation = cx.federation()?;
    cx.limit_address(Class::Other)?;
    let found = federation.client().room_of_alias(alias).await.map_err(|error| {
        let nothing = ApiError::not_found(format!("Room alias {alias} not found."));
        ApiError::of_remote(server, &error, nothing)
    })?;
    Ok(Response::new(found.room_id, found.servers))
}
