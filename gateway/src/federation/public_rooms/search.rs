//! `POST /_matrix/federation/v1/publicRooms`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1publicrooms>

use ruma::api::federation::directory::get_public_rooms_filtered::v1::Request;

use super::must_share;
use crate::{
    ApiError, Context, Json, Origin,
    client::public_rooms::{Rooms, page, search::search, wish},
};

/// Lists those of the public rooms to another server that a filter finds, the largest first.
pub async fn handler(cx: Context<Origin>, request: Request) -> Result<Json<Rooms>, ApiError> {
    must_share(&cx)?;
    let wish = wish(request.since.as_deref(), request.limit)?;
    page(cx.node(), &search(&request.filter, &request.room_network), &wish).await.map(Json)
}
