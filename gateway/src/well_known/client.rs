//! `GET /.well-known/matrix/client`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#getwell-knownmatrixclient>

use ruma::api::client::discovery::discover_homeserver::{HomeserverInfo, Request, Response};

use crate::{Anyone, ApiError, Context, IntoReply};

/// Says where the client API is.
pub async fn handler(cx: Context<Anyone>, _: Request) -> Result<impl IntoReply, ApiError> {
    let url = cx.config().well_known.client.clone();
    let url = url.ok_or_else(|| ApiError::not_found("This server publishes no client address"))?;
    Ok(Response::new(HomeserverInfo::new(url)))
}
