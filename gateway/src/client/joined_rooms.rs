//! `GET /_matrix/client/*/joined_rooms`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3joined_rooms>

use ruma::api::client::membership::joined_rooms::v3::{Request, Response};

use crate::{ApiError, Context, IntoReply};

/// Lists the rooms that the caller has joined.
pub async fn handler(cx: Context, _: Request) -> Result<impl IntoReply, ApiError> {
    let feed = cx.node().users().feed(cx.user_id()).await?;
    Ok(Response::new(feed.joined_rooms()))
}
