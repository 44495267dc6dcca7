//! `GET /_matrix/client/v3/sync`
//!
//! <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync>

use std::{sync::Arc, time::Duration};

use playhouse_actors::{
    sync::{self, SyncRequest},
    token::SyncToken,
    user::filters,
};
use ruma::{
    api::{
        IncomingRequest,
        auth_scheme::AccessToken,
        client::{filter::FilterDefinition, sync::sync_events::v3::Response},
        error::{DeserializationError, Error},
        metadata,
    },
    exports::serde_html_form,
    presence::PresenceState,
};
use serde::{Deserialize, de::IgnoredAny};

use crate::{ApiError, context::Context, gateway::Stage, reply::RawJson};

metadata! {
    @for Request,
    method: GET,
    rate_limited: false,
    authentication: AccessToken,
    history: {
        1.0 => "/_matrix/client/r0/sync",
        1.1 => "/_matrix/client/v3/sync",
    }
}

/// As ruma's, but with the filter unread, so that a bad one is answered by the one place that judges filters.
#[derive(Debug, Default, Deserialize)]
pub struct Request {
    /// A filter, or the id of one.
    filter: Option<String>,
    /// What the client has already.
    since: Option<String>,
    /// Whether it wants every room's whole state.
    #[serde(default)]
    full_state: bool,
    /// What the sync says of the user's presence. There is no presence yet.
    #[serde(default)]
    set_presence: PresenceState,
    /// How long to wait, in milliseconds.
    #[serde(default)]
    timeout: u64,
    /// Whether state comes as of the end of the timeline.
    #[serde(default)]
    use_state_after: bool,
}

impl IncomingRequest for Request {
    type EndpointError = Error;
    type OutgoingResponse = Response;

    fn try_from_http_request_inner(
        request: http::Request<&[u8]>,
        _path_args: &[&str],
    ) -> Result<Self, DeserializationError> {
        Ok(serde_html_form::from_str(request.uri().query().unwrap_or_default())?)
    }
}

/// Answers what is new since a token, or waits for it. A client that goes away ends the wait by dropping it.
pub async fn handler(cx: Context, request: Request) -> Result<RawJson, ApiError> {
    if matches!(request.set_presence, PresenceState::_Custom(_)) {
        return Err(ApiError::invalid_param("set_presence is offline, online or unavailable"));
    }
    let mut request = SyncRequest {
        user: cx.user_id().to_owned(),
        device: Some(cx.device_id().to_owned()),
        since: request.since.as_deref().map(|since| since_of(&cx, since)).transpose()?,
        filter: Arc::unwrap_or_clone(filter_of(&cx, request.filter.as_deref()).await?),
        full_state: request.full_state,
        use_state_after: request.use_state_after,
        timeout: Duration::from_millis(request.timeout),
    };
    tokio::select! {
        response = sync::sync(cx.node(), &request) => return rendered(&response?),
        () = cx.gateway().reached(Stage::Draining) => {}
    }
    request.timeout = Duration::ZERO;
    rendered(&sync::sync(cx.node(), &request).await?)
}

fn rendered(response: &sync::SyncResponse) -> Result<RawJson, ApiError> {
    Ok(RawJson(serde_json::to_vec(response).map_err(ApiError::internal)?.into()))
}

/// Where the client stands.
fn since_of(cx: &Context, since: &str) -> Result<SyncToken, ApiError> {
    cx.node()
        .tokens()
        .decode(since)
        .map_err(|_| ApiError::invalid_param("since is not a token of this server"))
}

/// The filter: JSON where it begins with a brace, else the id of one that the user uploaded.
async fn filter_of(cx: &Context, filter: Option<&str>) -> Result<Arc<FilterDefinition>, ApiError> {
    match filter {
        None | Some("") => Ok(Arc::default()),
        Some(json) if json.starts_with('{') => {
            serde_json::from_str::<IgnoredAny>(json).map_err(|_| ApiError::not_json("filter is not JSON"))?;
            Ok(Arc::new(filters::parse(json)?))
        }
        Some(id) => {
            let filter = cx.node().users().filter(cx.user_id(), id).await?;
            filter.ok_or_else(|| ApiError::invalid_param("There is no such filter"))
        }
    }
}
