//! Which server sent a request, by its signature in the `Authorization` header.
//!
//! In two steps: who says to have sent it is looked at before the body is read, so that a stranger's body costs nothing;
//! whether that is true needs the body, which is signed with the rest.

use http::request::Parts;
use playhouse_federation::{
    AuthError,
    x_matrix::{Claim, Signed},
};
use ruma::OwnedServerName;

use crate::{
    ApiError, Gateway,
    context::Authentication,
    limits::{Class, Whose},
};

/// Who says to have sent a request, where the endpoint wants to know.
///
/// # Errors
/// 401 `M_UNAUTHORIZED` without a usable header; 403 `M_FORBIDDEN` for servers that this one does not talk to.
pub fn claimed(gateway: &Gateway, wanted: Authentication, head: &Parts) -> Result<Option<Claim>, ApiError> {
    if wanted != Authentication::Server {
        return Ok(None);
    }
    let federation = gateway.node.federation().ok_or_else(ApiError::no_federation)?;
    federation.claim(&head.headers).map(Some).map_err(refused)
}

/// The server that has sent a request. `body` is what was signed: endpoints of the server-server API that take a body
/// always get one.
///
/// # Errors
/// 401 `M_UNAUTHORIZED` where the claim is not true or cannot be checked; 400 `M_BAD_JSON` for a body that nobody can have
/// signed; 503 where it may be checked later; 429 where the server asks for too much.
pub async fn proven(
    gateway: &Gateway,
    claim: Option<Claim>,
    head: &Parts,
    body: &[u8],
) -> Result<Option<OwnedServerName>, ApiError> {
    let Some(claim) = claim else { return Ok(None) };
    let federation = gateway.node.federation().ok_or_else(ApiError::no_federation)?;
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let request = Signed { method: &head.method, target, body };
    let origin = federation.prove(&claim, request).await.map_err(refused)?;
    if let Some(outbound) = gateway.node.outbound() {
        outbound.heard_from(&origin);
    }
    let allowed = gateway.limits.take(Class::Servers, Whose::Name(origin.as_str()));
    allowed.inspect_err(|_| tracing::debug!(%origin, "a server asks too much"))?;
    Ok(Some(origin))
}

fn refused(error: AuthError) -> ApiError {
    tracing::debug!(%error, "not proven who sent the request");
    error.into()
}
