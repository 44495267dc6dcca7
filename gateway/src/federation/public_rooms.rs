//! `GET /_matrix/federation/v1/publicRooms`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1publicrooms>

pub mod search;

use playhouse_actors::public_rooms::Search;
use ruma::api::federation::directory::get_public_rooms::v1::Request;

use crate::{
    ApiError, Context, Json, Origin,
    client::public_rooms::{Rooms, page, wish},
};

/// Lists the public rooms to another server, the largest first.
pub async fn handler(cx: Context<Origin>, request: Request) -> Result<Json<Rooms>, ApiError> {
    must_share(&cx)?;
    let wish = wish(request.since.as_deref(), request.limit)?;
    page(cx.node(), &Search::default(), &wish).await.map(Json)
}

/// Refuses where the operator keeps the list to the server's own users.
fn must_share(cx: &Context<Origin>) -> Result<(), ApiError> {
    if cx.config().federation.share_public_rooms {
        return Ok(());
    }
    Err(ApiError::forbidden("This server does not list its rooms to others"))
}
