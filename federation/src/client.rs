//! Requests to other servers.
//!
//! | File | Holds |
//! |---|---|
//! | `events` | asking for events and states of rooms |
//! | `keys` | asking for keys |
//! | `membership` | entering and leaving rooms, and inviting |
//! | `pauses` | servers that were not there, and when to try again |
//! | `public_rooms` | asking for public rooms |
//! | `queries` | asking for profiles and aliases |
//! | `transactions` | sending events and passing news |
//! | `user_keys` | asking for the encryption keys of users |

mod events;
mod keys;
mod membership;
mod pauses;
mod public_rooms;
mod queries;
mod transactions;
mod user_keys;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use playhouse_rules::EventSigner as _;
use ruma::ServerName;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::{
    ServerKey,
    discovery::Discovery,
    egress::{Bounds, Egress, EgressError, Via},
    metrics,
    peers::Peers,
    x_matrix::{self, NotSignable, Signed},
};
use pauses::Pauses;

pub use events::{Gap, MOST_MISSING_EVENTS, StateBefore, StateIdsBefore, Unverified};
pub use membership::{Invite, Joined, Step, Template};
pub use public_rooms::RemoteRooms;
pub use queries::{FoundRoom, RemoteProfile};
pub use transactions::{PduOutcome, Transaction};
pub use user_keys::{ByDevice, RemoteClaims, RemoteKeys};

/// What needs no escape in a path or a query.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// How other servers know us.
const USER_AGENT: &str = concat!("Playhouse/", env!("CARGO_PKG_VERSION"));

/// How long an answer may take for which the other server works.
const PATIENCE: Duration = Duration::from_mins(1);

/// The most questions of our clients under way at once: servers that answer slowly on purpose must not take all of the places
/// that [`Egress`] has, which keys and whatever else is urgent need too.
const MOST_QUERIES: usize = 128;

/// Sends requests to other servers, as this server.
#[derive(Debug)]
pub struct Client {
    key: Arc<ServerKey>,
    peers: Peers,
    egress: Arc<Egress>,
    discovery: Discovery,
    pauses: Pauses,
    queries: Semaphore,
    timeout: Duration,
}

/// Why there is no answer to use.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The operator wants no dealings with that server.
    #[error("this server does not talk to that one")]
    Denied,
    /// The server was not there a moment ago.
    #[error("the server was not there a moment ago; it is tried again later")]
    Paused,
    /// The server cannot be reached.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// It refused.
    #[error("it answered {status} {errcode}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// The `errcode`; empty where there is none.
        errcode: String,
    },
    /// Its answer is not what it should be.
    #[error("its answer cannot be used: {0}")]
    Malformed(String),
    /// The request cannot be made.
    #[error(transparent)]
    NotSignable(#[from] NotSignable),
}

/// Whether a request bears our signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signature {
    /// Everything but keys.
    Ours,
    /// Keys: who does not know ours yet could not check it.
    None,
}

/// A request of ours.
struct Outgoing<'a> {
    method: Method,
    /// Path and query.
    target: &'a str,
    /// JSON, or nothing.
    body: Bytes,
    signature: Signature,
}

impl<'a> Outgoing<'a> {
    fn signed<B: Serialize + ?Sized>(
        method: Method,
        target: &'a str,
        body: &B,
    ) -> Result<Self, RequestError> {
        let body = serde_json::to_vec(body).map_err(|error| RequestError::Malformed(error.to_string()))?;
        Ok(Self { method, target, body: Bytes::from(body), signature: Signature::Ours })
    }
}

impl Client {
    /// A client that signs with `key`; `timeout` is for each request, discovery apart.
    pub fn new(key: Arc<ServerKey>, peers: Peers, egress: Egress, timeout: Duration) -> Self {
        let egress = Arc::new(egress);
        let discovery = Discovery::new(Arc::clone(&egress));
        Self {
            key,
            peers,
            egress,
            discovery,
            pauses: Pauses::default(),
            queries: Semaphore::new(MOST_QUERIES),
            timeout,
        }
    }

    /// A server has shown that it is there: it is tried again.
    pub fn heard_from(&self, server: &ServerName) {
        self.pauses.ends(server);
    }

    /// The body of the 200 of a `GET`, at most `most_bytes` long. `target` is path and query.
    async fn get(
        &self,
        destination: &ServerName,
        target: &str,
        signature: Signature,
        most_bytes: usize,
    ) -> Result<Bytes, RequestError> {
        let bounds = Bounds { time: self.timeout, bytes: most_bytes };
        let request = Outgoing { method: Method::GET, target, body: Bytes::new(), signature };
        self.exchange(destination, request, bounds).await
    }

    /// The same of a `POST` of this JSON.
    async fn post<B: Serialize + ?Sized>(
        &self,
        destination: &ServerName,
        target: &str,
        body: &B,
        bounds: Bounds,
    ) -> Result<Bytes, RequestError> {
        self.exchange(destination, Outgoing::signed(Method::POST, target, body)?, bounds).await
    }

    /// The same of a `PUT` of this JSON.
    async fn put<B: Serialize + ?Sized>(
        &self,
        destination: &ServerName,
        target: &str,
        body: &B,
        bounds: Bounds,
    ) -> Result<Bytes, RequestError> {
        self.exchange(destination, Outgoing::signed(Method::PUT, target, body)?, bounds).await
    }

    /// Bounds of an answer of at most `bytes`, which may take longer than others: the other server works for it.
    fn patient(&self, bytes: usize) -> Bounds {
        Bounds { time: self.timeout.max(PATIENCE), bytes }
    }

    async fn exchange(
        &self,
        destination: &ServerName,
        request: Outgoing<'_>,
        bounds: Bounds,
    ) -> Result<Bytes, RequestError> {
        let answer = self.try_exchange(destination, request, bounds).await;
        metrics::requested(&answer);
        answer
    }

    async fn try_exchange(
        &self,
        destination: &ServerName,
        request: Outgoing<'_>,
        bounds: Bounds,
    ) -> Result<Bytes, RequestError> {
        if destination == self.key.server_name() || !self.peers.admit(destination) {
            return Err(RequestError::Denied);
        }
        if self.pauses.hold(destination) {
            return Err(RequestError::Paused);
        }
        let authority = self.discovery.authority(destination).await;
        let Outgoing { method, target, body, signature } = request;
        let mut request = Request::builder()
            .method(method.clone())
            .uri(format!("https://{authority}{target}"))
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::ACCEPT, "application/json");
        if signature == Signature::Ours {
            let signed = Signed { method: &method, target, body: &body };
            let authorization = x_matrix::authorization(&self.key, destination, signed)?;
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(body).map_err(|error| RequestError::Malformed(error.to_string()))?;
        let answer = match self.egress.send(Via::Federation, request, bounds).await {
            Ok(answer) => answer,
            Err(error) => {
                if error != EgressError::Busy {
                    self.pauses.begins(destination);
                }
                tracing::debug!(%destination, %error, "no answer");
                return Err(error.into());
            }
        };
        self.pauses.ends(destination);
        if answer.status() == StatusCode::OK {
            return Ok(answer.into_body());
        }
        Err(RequestError::Refused { status: answer.status(), errcode: errcode(answer.body()) })
    }
}

fn errcode(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        errcode: String,
    }
    serde_json::from_slice(body).map(|refusal: Refusal| refusal.errcode).unwrap_or_default()
}

/// Escapes a segment of a path or a value of a query.
fn escaped(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, UNRESERVED)
}

/// The JSON of an answer.
fn parsed<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, RequestError> {
    serde_json::from_slice(body).map_err(|error| RequestError::Malformed(error.to_string()))
}
