//! `GET /_matrix/client/*/publicRooms`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3publicrooms>

pub mod search;

use std::sync::Arc;

use playhouse_actors::{
    Node,
    public_rooms::{self, Entry, PageWish, Search},
};
use playhouse_federation::client::RemoteRooms;
use ruma::{
    ServerName, UInt,
    api::client::directory::get_public_rooms::v3::Request,
    directory::{Filter, RoomNetwork},
};
use serde::Serialize;

use crate::{Anyone, ApiError, Context, Json, limits::Class};

/// Lists the public rooms, the largest first.
pub async fn handler(cx: Context<Anyone>, request: Request) -> Result<Json<Listed>, ApiError> {
    let Request { limit, since, server, .. } = request;
    if let Some(server) = other_server(cx.node(), server.as_deref()) {
        cx.limit_address(Class::Other)?;
        let wish = RemoteWish { limit, since: since.as_deref(), ..RemoteWish::default() };
        return of_another(&cx, server, &wish).await;
    }
    let wish = wish(since.as_deref(), limit)?;
    Ok(Json(Listed::Here(page(cx.node(), &Search::default(), &wish).await?)))
}

/// A page of this server's directory, or of another's.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Listed {
    /// This server's.
    Here(Rooms),
    /// Another server's.
    There(RemoteRooms),
}

/// A page of this server's directory.
#[derive(Debug, Serialize)]
pub struct Rooms {
    chunk: Vec<Arc<Entry>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_batch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_batch: Option<String>,
    total_room_count_estimate: usize,
}

/// The page of this server's directory that is wished for.
///
/// # Errors
/// When the store does not answer.
pub(crate) async fn page(node: &Node, search: &Search, wish: &PageWish) -> Result<Rooms, ApiError> {
    let page = public_rooms::page(node, search, wish).await?;
    Ok(Rooms {
        chunk: page.entries,
        next_batch: page.next_batch,
        prev_batch: page.prev_batch,
        total_room_count_estimate: page.total,
    })
}

/// The page that a request names.
///
/// # Errors
/// 400 `M_INVALID_PARAM` for a token of something else.
pub(crate) fn wish(since: Option<&str>, limit: Option<UInt>) -> Result<PageWish, ApiError> {
    PageWish::new(since, limit.map(u64::from))
        .map_err(|_| ApiError::invalid_param("since is not a token of this directory"))
}

/// The server that is meant, if it is not this one.
fn other_server<'a>(node: &Node, server: Option<&'a ServerName>) -> Option<&'a ServerName> {
    server.filter(|server| *server != node.server_name())
}

/// What another server is asked for.
#[derive(Debug, Default, Serialize)]
struct RemoteWish<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<UInt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<&'a str>,
    #[serde(skip_serializing_if = "Filter::is_empty")]
    filter: Filter,
    #[serde(flatten)]
    network: RoomNetwork,
}

async fn of_another<C>(
    cx: &Context<C>,
    server: &ServerName,
    wish: &RemoteWish<'_>,
) -> Result<Json<Listed>, ApiError> {
    let rooms = cx.federation()?.client().public_rooms(server, wish).await;
    let nothing = || ApiError::not_found(format!("{server} has no list of public rooms"));
    rooms
        .map(|rooms| Json(Listed::There(rooms)))
        .map_err(|error| ApiError::of_remote(server, &error, nothing()))
}
