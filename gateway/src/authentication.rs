//! Whose request it is, by the access token that came with it, or by the signature of another server.

pub mod x_matrix;

use std::{net::IpAddr, sync::Arc};

use http::{HeaderMap, header, request::Parts};
use percent_encoding::percent_decode_str;
use playhouse_actors::accounts::Session;

use crate::{ApiError, Gateway, context::Authentication, endpoint::Endpoint};

/// The session of a request, as far as the endpoint wants one.
///
/// # Errors
/// 401 `M_MISSING_TOKEN` or `M_UNKNOWN_TOKEN`; with `soft_logout` where the client may refresh its token.
pub async fn of(
    gateway: &Gateway,
    wanted: Authentication,
    head: &Parts,
    address: IpAddr,
) -> Result<Option<Arc<Session>>, ApiError> {
    if matches!(wanted, Authentication::None | Authentication::Server) {
        return Ok(None);
    }
    match token_of(head) {
        None if wanted == Authentication::Optional => Ok(None),
        None => Err(ApiError::missing_token()),
        Some(token) => {
            let session = gateway.node.accounts().session(&token, address).await?;
            Ok(Some(session))
        }
    }
}

/// Refuses those whose account is locked, or suspended where that matters.
///
/// # Errors
/// 401 `M_USER_LOCKED`, 403 `M_USER_SUSPENDED`.
pub fn admit(endpoint: &Endpoint, session: Option<&Session>) -> Result<(), ApiError> {
    let Some(session) = session else { return Ok(()) };
    if session.is_locked() && !endpoint.open_to_locked {
        return Err(ApiError::user_locked());
    }
    if session.is_suspended() && endpoint.closed_to_suspended {
        return Err(ApiError::user_suspended());
    }
    Ok(())
}

/// The token: `Authorization: Bearer`, or `access_token` in the query, which old clients still use.
fn token_of(head: &Parts) -> Option<String> {
    bearer(&head.headers).or_else(|| in_query(head.uri.query()?))
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned()).filter(|token| !token.is_empty())
}

fn in_query(query: &str) -> Option<String> {
    let token = query.split('&').find_map(|pair| pair.strip_prefix("access_token="))?;
    let token = percent_decode_str(token).decode_utf8().ok()?;
    Some(token.into_owned()).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn token(uri: &str, authorization: Option<&str>) -> Option<String> {
        let mut request = Request::get(uri);
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        token_of(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn the_header_wins_over_the_query() {
        assert_eq!(token("/?access_token=b", Some("Bearer a")).as_deref(), Some("a"));
        assert_eq!(token("/", Some("bEaReR a")).as_deref(), Some("a"));
        assert_eq!(token("/?access_token=b%2Bc", None).as_deref(), Some("b+c"));
    }

    #[test]
    fn what_is_no_token_counts_as_none() {
        for (uri, authorization) in
            [("/", None), ("/?access_token=", None), ("/", Some("Bearer ")), ("/", Some("Basic a"))]
        {
            assert_eq!(token(uri, authorization), None);
        }
    }
}
