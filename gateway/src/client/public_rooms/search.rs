//! `POST /_matrix/client/*/publicRooms`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3publicrooms>

use playhouse_actors::public_rooms::Search;
use ruma::{
    api::client::directory::get_public_rooms_filtered::v3::Request,
    directory::{Filter, RoomNetwork, RoomTypeFilter},
};

use super::{Listed, RemoteWish, of_another, other_server, page, wish};
use crate::{ApiError, Context, Json};

/// Lists those of the public rooms that a filter finds, the largest first.
pub async fn handler(cx: Context, request: Request) -> Result<Json<Listed>, ApiError> {
    let Request { server, limit, since, filter, room_network, .. } = request;
    if let Some(server) = other_server(cx.node(), server.as_deref()) {
        let wish = RemoteWish { limit, since: since.as_deref(), filter, network: room_network };
        return of_another(&cx, server, &wish).await;
    }
    let wish = wish(since.as_deref(), limit)?;
    Ok(Json(Listed::Here(page(cx.node(), &search(&filter, &room_network), &wish).await?)))
}

/// What a filter finds.
pub(crate) fn search(filter: &Filter, network: &RoomNetwork) -> Search {
    // A room of a third-party network comes from a bridge; there are none, so each of their lists is empty.
    let room_types = match network {
        RoomNetwork::Matrix | RoomNetwork::All => room_types(filter),
        _ => Some(Vec::new()),
    };
    Search::new(filter.generic_search_term.as_deref(), room_types)
}

fn room_types(filter: &Filter) -> Option<Vec<Option<String>>> {
    let kind = |wanted: &RoomTypeFilter| match wanted {
        RoomTypeFilter::Default => None,
        other => other.as_str().map(ToOwned::to_owned),
    };
    // ruma has no list where the client sent none.
    (!filter.room_types.is_empty()).then(|| filter.room_types.iter().map(kind).collect())
}
