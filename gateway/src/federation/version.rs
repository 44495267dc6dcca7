//! `GET /_matrix/federation/v1/version`
//!
//! <https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1version>

use ruma::api::federation::discovery::get_server_version::v1::{Request, Response, Server};

use crate::{Anyone, ApiError, Context};

/// Says what kind of server this is.
pub async fn handler(_: Context<Anyone>, _: Request) -> Result<Response, ApiError> {
    let mut server = Server::new();
    server.name = Some("Playhouse".to_owned());
    server.version = Some(env!("CARGO_PKG_VERSION").to_owned());
    let mut response = Response::new();
    response.server = Some(server);
    Ok(response)
}
