//! `GET /_matrix/client/versions`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientversions>

use std::sync::Arc;

use playhouse_actors::accounts::Session;
use ruma::api::client::discovery::get_supported_versions::{Request, Response};

use crate::{ApiError, Context, IntoReply};

/// The versions of the specification that clients may rely on.
const VERSIONS: [&str; 27] = [
    "r0.0.1", "r0.1.0", "r0.2.0", "r0.3.0", "r0.4.0", "r0.5.0", "r0.6.0", "r0.6.1", "v1.1", "v1.2", "v1.3",
    "v1.4", "v1.5", "v1.6", "v1.7", "v1.8", "v1.9", "v1.10", "v1.11", "v1.12", "v1.13", "v1.14", "v1.15",
    "v1.16", "v1.17", "v1.18", "v1.19",
];

/// Lists the versions of the specification.
pub async fn handler(_: Context<Option<Arc<Session>>>, _: Request) -> Result<impl IntoReply, ApiError> {
    Ok(Response::new(VERSIONS.map(str::to_owned).into()))
}
