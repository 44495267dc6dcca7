//! `GET https://<hostname>/.well-known/matrix/server`
//!
//! Specification: <https://spec.matrix.org/v1.19/server-server-api/#getwell-knownmatrixserver>

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use ruma::{OwnedServerName, ServerName};
use serde::Deserialize;

use super::{Fetch, lifetime};
use crate::egress::{Bounds, EgressError};

/// What one hop may take.
const BOUNDS: Bounds = Bounds { time: Duration::from_secs(10), bytes: 50 << 10 };
/// The most redirects that are followed.
const MOST_REDIRECTS: usize = 5;

/// Another name answers for a server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Delegation {
    pub server: OwnedServerName,
    /// For how long that holds.
    pub lifetime: Duration,
}

/// Why the server answers for itself.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoDelegation {
    #[error(transparent)]
    Egress(#[from] EgressError),
    #[error("the status is {0}")]
    Status(StatusCode),
    #[error("the file is not what it should be: {0}")]
    Malformed(String),
    #[error("a redirect leads nowhere: {0}")]
    Redirect(String),
    #[error("more than {MOST_REDIRECTS} redirects")]
    TooManyRedirects,
}

impl NoDelegation {
    /// Whether the next attempt may end otherwise, though the server changes nothing.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Egress(_) => true,
            Self::Status(status) => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            Self::Malformed(_) | Self::Redirect(_) | Self::TooManyRedirects => false,
        }
    }
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "m.server")]
    server: OwnedServerName,
}

/// Reads a server's file; redirects are followed, to `https` only.
pub(super) async fn ask(fetch: &dyn Fetch, server: &ServerName) -> Result<Delegation, NoDelegation> {
    let first = format!("https://{}/.well-known/matrix/server", server.host());
    let mut uri: Uri = first.parse().map_err(|_| NoDelegation::Redirect(first))?;
    for _ in 0..=MOST_REDIRECTS {
        let request = Request::get(uri.clone()).body(Bytes::new());
        let request = request.map_err(|error| NoDelegation::Redirect(error.to_string()))?;
        let answer = fetch.fetch(request, BOUNDS).await?;
        match answer.status() {
            StatusCode::OK => {
                let file: File = serde_json::from_slice(answer.body())
                    .map_err(|error| NoDelegation::Malformed(error.to_string()))?;
                return Ok(Delegation { server: file.server, lifetime: lifetime::of(answer.headers()) });
            }
            status if status.is_redirection() => {
                let location = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
                uri = redirected(&uri, location.unwrap_or_default())?;
            }
            status => return Err(NoDelegation::Status(status)),
        }
    }
    Err(NoDelegation::TooManyRedirects)
}

/// Where a redirect leads: an absolute `https` URI, or another path of the same host.
fn redirected(from: &Uri, location: &str) -> Result<Uri, NoDelegation> {
    let nowhere = || NoDelegation::Redirect(location.to_owned());
    let to: Uri = location.parse().map_err(|_| nowhere())?;
    match (to.scheme_str(), to.authority()) {
        (Some("https"), Some(_)) => Ok(to),
        (None, None) if location.starts_with('/') => {
            let mut parts = from.clone().into_parts();
            parts.path_and_query = to.into_parts().path_and_query;
            Uri::from_parts(parts).map_err(|_| nowhere())
        }
        _ => Err(nowhere()),
    }
}
