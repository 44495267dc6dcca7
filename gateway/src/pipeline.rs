//! The path of a request, from the connection to the handler and back.
//!
//! [`answer`] is the list of what happens, in order. Whatever refuses a request does it by returning an [`ApiError`];
//! [`serve`] turns that into a response, counts it and adds what every response carries.

mod address;
mod body;
mod panic;
mod request_id;
mod response;

use std::{net::IpAddr, sync::Arc, time::Instant};

use bytes::Bytes;
use http::{Method, Request, StatusCode, request::Parts};
use hyper::body::Body;
use tracing::Instrument as _;

use crate::{
    ApiError, Gateway, Reply,
    authentication::{self, admit, x_matrix},
    config::Part,
    context::{Credentials, RequestInfo},
    endpoint::Incoming,
    gateway::Stage,
    limits::{Class, Whose},
    metrics,
    router::Found,
};

pub use address::Peer;

/// Where a request came in.
#[derive(Debug, Clone)]
pub struct Entrance {
    /// The other end of the connection.
    pub peer: Peer,
    /// What the listener serves.
    pub parts: Arc<[Part]>,
}

/// Answers a request. Never fails: what goes wrong is a response too.
pub async fn serve<B>(gateway: Arc<Gateway>, entrance: Entrance, request: Request<B>) -> Reply
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: std::fmt::Display,
{
    let began = Instant::now();
    let id = request_id::of(request.headers());
    let head_only = request.method() == Method::HEAD;
    if request.method() == Method::OPTIONS {
        return response::finish(response::preflight(), &id, head_only);
    }

    let method = metrics::method(request.method());
    let found = gateway.router.find(request.method(), request.uri().path(), &entrance.parts);
    let template = found.as_ref().map_or("unknown", |found| found.endpoint.template());
    let span = tracing::info_span!("request", %id, method, template);
    let answer = async {
        let answer = match found {
            Ok(found) => {
                let answer = metrics::busy(template, answer(&gateway, &entrance, &id, found, request));
                panic::caught(answer).await
            }
            Err(refusal) => Err(refusal),
        };
        let reply = answer.unwrap_or_else(response::of_error);
        tracing::debug!(status = reply.status().as_u16(), took_us = began.elapsed().as_micros(), "answered");
        reply
    };
    let reply = answer.instrument(span).await;

    metrics::answered(method, template, reply.status(), began.elapsed());
    response::finish(reply, &id, head_only)
}

async fn answer<B>(
    gateway: &Arc<Gateway>,
    entrance: &Entrance,
    id: &Arc<str>,
    found: Found<'_>,
    request: Request<B>,
) -> Result<Reply, ApiError>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: std::fmt::Display,
{
    let endpoint = found.endpoint;
    let (head, stream) = request.into_parts();
    let address = entrance.peer.client_address(&head.headers, &gateway.config.trusted_proxies);

    gateway.limits.take(Class::Address, Whose::Address(address))?;
    body::refuse_declared_excess(&head.headers, endpoint)?;
    let session = authentication::of(gateway, endpoint.authentication, &head, address).await?;
    admit(endpoint, session.as_deref())?;
    let claim = x_matrix::claimed(gateway, endpoint.authentication, &head)?;
    if let Some(class) = endpoint.class {
        let whose =
            session.as_deref().map_or(Whose::Address(address), |session| Whose::User(&session.user_id));
        gateway.limits.take(class, whose)?;
    }
    let body = body::read(stream, endpoint).await?;
    let origin = x_matrix::proven(gateway, claim, &head, &body).await?;

    let info = info(id, &head, address, endpoint.template(), body);
    let credentials = Credentials { session, origin };
    let incoming =
        Incoming { gateway: Arc::clone(gateway), credentials, info, head, path_args: found.path_args };
    tokio::select! {
        reply = endpoint.call(incoming) => reply,
        () = gateway.reached(Stage::Refusing) => Err(ApiError::stopping()),
    }
}

fn info(id: &Arc<str>, head: &Parts, address: IpAddr, template: &'static str, body: Bytes) -> RequestInfo {
    let (method, path) = (head.method.clone(), head.uri.path().into());
    RequestInfo { id: Arc::clone(id), address, method, path, template, body }
}

/// Whether a response is worth a line in the log at its end.
fn is_failure(status: StatusCode) -> bool {
    status.is_server_error()
}

#[cfg(test)]
mod tests;
