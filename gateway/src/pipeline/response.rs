//! What every response carries, and how an error becomes one.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::{is_failure, request_id::X_REQUEST_ID};
use crate::{ApiError, Reply};

/// The headers that let web clients of any origin in.
///
/// <https://spec.matrix.org/v1.19/client-server-api/#web-browser-clients>
const CORS: [(HeaderName, &str); 4] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
    (header::ACCESS_CONTROL_ALLOW_HEADERS, "X-Requested-With, Content-Type, Authorization"),
    (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Retry-After, X-Request-Id"),
];

/// The answer to `OPTIONS`, on any path and without any logic.
pub fn preflight() -> Reply {
    let mut reply = Reply::new(Bytes::new());
    *reply.status_mut() = StatusCode::NO_CONTENT;
    reply.headers_mut().insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    reply
}

/// The response to a request that failed. The log has the cause, the client has not.
pub fn of_error(error: ApiError) -> Reply {
    if let Some(cause) = error.cause() {
        if is_failure(error.status()) && error.status() != StatusCode::SERVICE_UNAVAILABLE {
            tracing::error!(status = error.status().as_u16(), cause, "request failed");
        } else {
            tracing::warn!(status = error.status().as_u16(), cause, "request refused");
        }
    }
    error.into_reply()
}

/// Adds what every response carries. The answer to `HEAD` keeps its length and loses its body.
pub fn finish(mut reply: Reply, request_id: &str, head_only: bool) -> Reply {
    let headers = reply.headers_mut();
    add_cors(headers);
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(&X_REQUEST_ID, id);
    }
    if head_only {
        let length = reply.body().len();
        reply.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        *reply.body_mut() = Bytes::new();
    }
    reply
}

fn add_cors(headers: &mut HeaderMap) {
    for (name, value) in CORS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
