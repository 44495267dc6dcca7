//! `GET /_matrix/client/v3/keys/changes`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3keyschanges>

use playhouse_actors::{token::SyncToken, user::keys::changes::key_changes};
use ruma::api::client::keys::get_key_changes::v3::{Request, Response};

use crate::{ApiError, context::Context};

/// Whose keys changed between two syncs of the caller.
pub async fn handler(cx: Context, request: Request) -> Result<Response, ApiError> {
    let (from, to) = (token(&cx, "from", &request.from)?, token(&cx, "to", &request.to)?);
    let lists = key_changes(cx.node(), cx.user_id(), &from, &to).await?;
    Ok(Response::new(lists.changed.into_iter().collect(), lists.left.into_iter().collect()))
}

fn token(cx: &Context, name: &'static str, token: &str) -> Result<SyncToken, ApiError> {
    let decoded = cx.node().tokens().decode(token);
    decoded.map_err(|_| ApiError::invalid_param(format!("{name} is not a token of this server")))
}
