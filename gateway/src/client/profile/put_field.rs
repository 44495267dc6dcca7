//! `PUT /_matrix/client/v3/profile/{userId}/{keyName}`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3profileuseridkeyname>

use playhouse_actors::user::{
    profile::{Profile, ProfileField},
    spread_profile::spread_profile,
};
use ruma::{
    OwnedUserId,
    api::{
        IncomingRequest,
        auth_scheme::AccessToken,
        client::profile::set_profile_field::v3::Response,
        error::{DeserializationError, Error},
        metadata,
    },
};
use serde::{
    Deserialize,
    de::value::{self, SeqDeserializer},
};

use crate::{ApiError, context::Context};

metadata! {
    @for Request,
    method: PUT,
    rate_limited: true,
    authentication: AccessToken,
    history: {
        1.0 => "/_matrix/client/r0/profile/{user_id}/{field}",
        1.1 => "/_matrix/client/v3/profile/{user_id}/{field}",
    }
}

/// As ruma's, which answers a missing field with another code than the specification.
#[derive(Debug)]
pub struct Request {
    /// Whose profile.
    user_id: OwnedUserId,
    /// Which field.
    field: String,
    /// The field with its new value.
    body: Profile,
}

impl IncomingRequest for Request {
    type EndpointError = Error;
    type OutgoingResponse = Response;

    fn try_from_http_request_inner(
        request: http::Request<&[u8]>,
        path_args: &[&str],
    ) -> Result<Self, DeserializationError> {
        let args = SeqDeserializer::<_, value::Error>::new(path_args.iter().copied());
        let (user_id, field) = Deserialize::deserialize(args)?;
        let body =
            if request.body().is_empty() { Profile::new() } else { serde_json::from_slice(request.body())? };
        Ok(Self { user_id, field, body })
    }
}

/// Sets a field of the caller's profile. A new name or avatar spreads into the caller's rooms.
pub async fn handler(cx: Context, mut request: Request) -> Result<Response, ApiError> {
    cx.must_be(&request.user_id)?;
    let field = ProfileField::parse(&request.field)?;
    let value = request.body.remove(field.as_str());
    let value = value.ok_or_else(|| ApiError::missing_param(format!("Missing key '{}'", field.as_str())))?;
    cx.node().users().handle(cx.user_id()).put_profile_field(&field, value).await?;
    if field.is_spread() {
        spread_profile(&cx.gateway().node, cx.user_id()).await?;
    }
    Ok(Response::new())
}
