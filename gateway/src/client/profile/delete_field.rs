//! `DELETE /_matrix/client/v3/profile/{userId}/{keyName}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3profileuseridkeyname>

use playhouse_actors::user::{profile::ProfileField, spread_profile::spread_profile};
use ruma::api::client::profile::delete_profile_field::v3::{Request, Response};

use crate::{ApiError, context::Context};

/// Removes a field of the caller's profile; one that is not there is no error.
pub async fn handler(cx: Context, request: Request) -> Result<Response, ApiError> {
    cx.must_be(&request.user_id)?;
    let field = ProfileField::parse(request.field.as_str())?;
    cx.node().users().handle(cx.user_id()).set_profile(field.as_str(), None).await?;
    if field.is_spread() {
        spread_profile(&cx.gateway().node, cx.user_id()).await?;
    }
    Ok(Response::new())
}
