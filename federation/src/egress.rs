//! The one way out: every request of this server to another goes through [`Egress::send`].
//!
//! | File | Holds |
//! |---|---|
//! | `connector` | connections: lookup, the check of every address, TLS |
//! | `dns` | lookups |
//! | `guard` | which addresses may be reached |
//! | `tls` | whose certificates are believed |
//!
//! Invariant **I13**: the guard sees every address that a connection is made to, after each lookup and each redirect, so
//! that neither a name nor its DNS records lead into the operator's own network. Redirects are never followed here.

mod connector;
mod dns;
mod guard;
mod tls;

#[cfg(test)]
pub(crate) mod tests;

use std::{error::Error as _, fmt, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;

use connector::Connector;

pub use connector::ConnectError;
pub use dns::{Dns, LookupError, Resolve, Service};
pub use guard::Guard;
pub use tls::TrustError;

/// The most requests under way at once.
const MOST_IN_FLIGHT: usize = 512;
/// The most idle connections kept to one server.
const MOST_IDLE_PER_SERVER: usize = 2;
/// How long an idle connection is kept.
const IDLE_FOR: Duration = Duration::from_secs(90);
/// The most bytes of headers in an answer.
const MOST_HEADER_BYTES: usize = 64 << 10;

/// How the other end is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// A server as the server-server API finds it: SRV records, or port 8448.
    Federation,
    /// A web server: the host, port 443.
    Web,
}

/// What an exchange may take.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// From the first lookup to the last byte.
    pub time: Duration,
    /// Of the answer's body.
    pub bytes: usize,
}

/// How to reach out.
#[derive(Debug)]
pub struct EgressSettings {
    /// Certificates of authorities to believe besides those of the machine, PEM.
    pub ca_file: Option<PathBuf>,
    /// Which addresses may be reached.
    pub guard: Guard,
    /// For each address that is tried, the TLS handshake included.
    pub connect_timeout: Duration,
}

/// Sends requests.
pub struct Egress {
    federation: Client<Connector, Full<Bytes>>,
    web: Client<Connector, Full<Bytes>>,
    places: Semaphore,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// [`MOST_IN_FLIGHT`] requests are under way: try again.
    #[error("too many requests are under way")]
    Busy,
    /// There is no connection.
    #[error("no connection: {0}")]
    Connect(String),
    /// The address is one that requests may not go to: the operator may allow it.
    #[error("{0}")]
    Forbidden(String),
    /// The other end took longer than allowed.
    #[error("no answer in time")]
    TooSlow,
    /// The answer is larger than allowed.
    #[error("the answer is too large")]
    TooLarge,
    /// The exchange broke off.
    #[error("the exchange broke off: {0}")]
    Broken(String),
}

impl Egress {
    /// A way out as configured.
    ///
    /// # Errors
    /// The authorities cannot be read.
    pub fn new(settings: EgressSettings, dns: Arc<dyn Resolve>) -> Result<Self, TrustError> {
        let tls = TlsConnector::from(tls::client(settings.ca_file.as_deref())?);
        let guard = Arc::new(settings.guard);
        let client = |via| {
            let connector = Connector {
                via,
                dns: Arc::clone(&dns),
                guard: Arc::clone(&guard),
                tls: tls.clone(),
                timeout: settings.connect_timeout,
            };
            Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE_FOR)
                .pool_max_idle_per_host(MOST_IDLE_PER_SERVER)
                .http1_max_buf_size(MOST_HEADER_BYTES)
                .http2_max_header_list_size(MOST_HEADER_BYTES as u32)
                .build(connector)
        };
        Ok(Self {
            federation: client(Via::Federation),
            web: client(Via::Web),
            places: Semaphore::new(MOST_IN_FLIGHT),
        })
    }

    /// Sends a request with an absolute `https` URI and returns the whole answer, whatever its status.
    ///
    /// # Errors
    /// [`EgressError`]: whether the request had an effect is not known, but for [`EgressError::Busy`],
    /// [`EgressError::Connect`] and [`EgressError::Forbidden`], with which it had none.
    pub async fn send(
        &self,
        via: Via,
        request: Request<Bytes>,
        bounds: Bounds,
    ) -> Result<Response<Bytes>, EgressError> {
        let _place = self.places.try_acquire().map_err(|_| EgressError::Busy)?;
        let client = match via {
            Via::Federation => &self.federation,
            Via::Web => &self.web,
        };
        let exchange = async {
            let answer = client.request(request.map(Full::new)).await.map_err(|error| failure(&error))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, bounds.bytes).collect().await.map_err(|error| {
                if error.is::<LengthLimitError>() {
                    EgressError::TooLarge
                } else {
                    EgressError::Broken(error.to_string())
                }
            })?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        tokio::time::timeout(bounds.time, exchange).await.unwrap_or(Err(EgressError::TooSlow))
    }
}

/// What the client's error means: its causes say more than itself.
fn failure(error: &hyper_util::client::legacy::Error) -> EgressError {
    let mut cause = error.source();
    let mut text = error.to_string();
    while let Some(inner) = cause {
        if let Some(refusal @ ConnectError::Forbidden { .. }) = inner.downcast_ref() {
            return EgressError::Forbidden(refusal.to_string());
        }
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    if error.is_connect() { EgressError::Connect(text) } else { EgressError::Broken(text) }
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Egress")
    }
}
