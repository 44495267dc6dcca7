//! `GET /_matrix/client/*/publicRooms`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3publicrooms>

pub mod search;

use std::sync::Arc;

use playhouse_actors::{
    Node,
    public_rooms::{self, Entry, PageWish, Search},
};
use ruma::{ServerName, UInt, api::client::directory::get_public_rooms::v3::Request};
use serde::Serialize;

use crate::{Anyone, ApiError, Context, IntoReply, Json};

/// Lists the public rooms, the largest first.
pub async fn handler(cx: Context<Anyone>, request: Request) -> Result<impl IntoReply, ApiError> {
    of_this_server(cx.node(), request.server.as_deref())?;
    let wish = wish(request.since.as_deref(), request.limit)?;
    page(cx.node(), &Search::default(), &wish).await
}

/// A page of the directory.
#[derive(Debug, Serialize)]
struct Rooms {
    chunk: Vec<Arc<Entry>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_batch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_batch: Option<String>,
    total_room_count_estimate: usize,
}

async fn page(node: &Node, search: &Search, wish: &PageWish) -> Result<Json<Rooms>, ApiError> {
    let page = public_rooms::page(node, search, wish).await?;
    Ok(Json(Rooms {
        chunk: page.entries,
        next_batch: page.next_batch,
        prev_batch: page.prev_batch,
        total_room_count_estimate: page.total,
    }))
}

fn wish(since: Option<&str>, limit: Option<UInt>) -> Result<PageWish, ApiError> {
    PageWish::new(since, limit.map(u64::from))
        .map_err(|_| ApiError::invalid_param("since is not a token of this directory"))
}

fn of_this_server(node: &Node, server: Option<&ServerName>) -> Result<(), ApiError> {
    match server {
        Some(server) if server != node.server_name() => Err(ApiError::not_found(
            "This server does not talk to other servers yet, and so cannot list their rooms",
        )),
        _ => Ok(()),
    }
}
