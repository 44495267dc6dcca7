//! What a client is told when a request fails, and how that becomes a response.
//!
//! An endpoint maps its own errors to an [`ApiError`] by a full `match`. The cause of an internal failure goes to the
//! log and never to the client.

mod account;
mod federation;
mod membership;
mod report;
mod room;
mod serving;
mod user;

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use playhouse_storage::StoreError;
use ruma::api::error::ErrorCode;
use serde_json::{Map, Value};

use crate::reply::{self, Reply};

/// How long a client waits before it asks a server again that is stopping or over its bounds.
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(2);

/// A refusal or a failure in Matrix's [standard error response].
///
/// [standard error response]: https://spec.matrix.org/v1.19/client-server-api/#standard-error-response
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    /// `None` where user-interactive authentication asks for a stage, which is a 401 without an error.
    errcode: Option<ErrorCode>,
    message: Cow<'static, str>,
    extra: Map<String, Value>,
    headers: HeaderMap,
    cause: Option<String>,
}

impl ApiError {
    /// An error with a status, a code and a sentence for people.
    pub fn new(status: StatusCode, errcode: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        Self {
            status,
            errcode: Some(errcode),
            message,
            extra: Map::new(),
            headers: HeaderMap::new(),
            cause: None,
        }
    }

    /// A 401 that is no error: the next step of user-interactive authentication.
    pub fn authentication_required(body: Map<String, Value>) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            errcode: None,
            message: Cow::Borrowed(""),
            extra: body,
            headers: HeaderMap::new(),
            cause: None,
        }
    }

    /// Adds a field to the body.
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(key.to_owned(), value.into());
        self
    }

    /// Adds `Retry-After` and `retry_after_ms`.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        self.with("retry_after_ms", u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
    }

    /// Adds a header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The code, unless it asks for a stage of user-interactive authentication.
    pub fn errcode(&self) -> Option<&ErrorCode> {
        self.errcode.as_ref()
    }

    /// The sentence for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What went wrong inside, for the log.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The response: the one place where errors become HTTP.
    pub fn into_reply(self) -> Reply {
        let mut body = self.extra;
        if let Some(errcode) = &self.errcode {
            body.insert("errcode".to_owned(), errcode.as_str().into());
            body.insert("error".to_owned(), self.message.into());
        }
        let bytes = serde_json::to_vec(&body).unwrap_or_else(|_| b"{}".to_vec());
        let mut reply = reply::json(self.status, Bytes::from(bytes));
        reply.headers_mut().extend(self.headers);
        reply
    }
}

/// Seconds rounded up, and at least one: `Retry-After` counts in seconds.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX)
}

/// The errors that many endpoints share.
impl ApiError {
    /// 400 `M_BAD_JSON`: valid JSON of the wrong shape.
    pub fn bad_json(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::BadJson, message)
    }

    /// 400 `M_NOT_JSON`: no JSON at all.
    pub fn not_json(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::NotJson, message)
    }

    /// 400 `M_INVALID_PARAM`.
    pub fn invalid_param(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidParam, message)
    }

    /// 400 `M_MISSING_PARAM`.
    pub fn missing_param(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::MissingParam, message)
    }

    /// 400 `M_UNKNOWN`: a request that no better code describes.
    pub fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::Unknown, message)
    }

    /// 401 `M_MISSING_TOKEN`.
    pub fn missing_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, ErrorCode::MissingToken, "An access token is required")
    }

    /// 401 `M_UNAUTHORIZED`: it is not proven which server sent the request.
    pub fn unauthorized(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, message)
    }

    /// 403 `M_FORBIDDEN`: this server keeps to itself.
    pub fn no_federation() -> Self {
        Self::forbidden("This server has no dealings with other servers")
    }

    /// 401 `M_UNKNOWN_TOKEN`; with `soft_logout` the client keeps its device and logs in again.
    pub fn unknown_token(soft_logout: bool) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, ErrorCode::UnknownToken, "The token is not known")
            .with("soft_logout", soft_logout)
    }

    /// 401 `M_USER_LOCKED`.
    pub fn user_locked() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, ErrorCode::UserLocked, "This account has been locked")
            .with("soft_logout", true)
    }

    /// 403 `M_USER_SUSPENDED`.
    pub fn user_suspended() -> Self {
        let message = "You cannot perform this action while suspended";
        Self::new(StatusCode::FORBIDDEN, ErrorCode::UserSuspended, message)
    }

    /// 403 `M_FORBIDDEN`.
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, message)
    }

    /// 404 `M_NOT_FOUND`.
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, message)
    }

    /// 404 `M_UNRECOGNIZED`: no such endpoint.
    pub fn unrecognized() -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorCode::Unrecognized, "Unrecognized request")
    }

    /// 405 `M_UNRECOGNIZED`: there is such an endpoint, but not with this method.
    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unrecognized, "Unrecognized request method")
    }

    /// 408: the body took too long to arrive.
    pub fn request_timeout() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, ErrorCode::Unknown, "The request took too long to arrive")
    }

    /// 413 `M_TOO_LARGE`.
    pub fn too_large(limit_bytes: usize) -> Self {
        let message = format!("The request is larger than {limit_bytes} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge, message)
    }

    /// 429 `M_LIMIT_EXCEEDED`.
    pub fn limit_exceeded(wait: Duration) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::LimitExceeded, "Too many requests")
            .retry_after(wait)
    }

    /// 500: a failure that `cause` describes to the operator, never to the client.
    #[expect(clippy::needless_pass_by_value, reason = "so that `map_err` takes it as it is")]
    pub fn internal(cause: impl ToString) -> Self {
        let message = "Internal server error";
        let error = Self::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Unknown, message);
        Self { cause: Some(cause.to_string()), ..error }
    }

    /// 503: try again later.
    #[expect(clippy::needless_pass_by_value, reason = "so that `map_err` takes it as it is")]
    pub fn unavailable(wait: Duration, cause: impl ToString) -> Self {
        let message = "The server cannot answer at the moment";
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unknown, message).retry_after(wait);
        Self { cause: Some(cause.to_string()), ..error }
    }

    /// 503: the process is stopping.
    pub fn stopping() -> Self {
        let message = "The server is restarting";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unknown, message).retry_after(BUSY_RETRY_AFTER)
    }

    /// 503: too much of the same work is waiting.
    pub fn busy(cause: impl ToString) -> Self {
        Self::unavailable(BUSY_RETRY_AFTER, cause)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Unavailable { retry_after, .. } => Self::unavailable(*retry_after, &error),
            StoreError::Poisoned { .. } | StoreError::Rejected { .. } => Self::busy(&error),
            StoreError::Corrupt { .. } | StoreError::Misuse { .. } => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(reply: &Reply) -> Value {
        serde_json::from_slice(reply.body()).unwrap()
    }

    #[test]
    fn internal_text_never_reaches_the_client() {
        let reply = ApiError::internal("row 17 of table account is corrupt").into_reply();

        assert_eq!(reply.status(), 500);
        assert!(!String::from_utf8_lossy(reply.body()).contains("row 17"));
    }

    #[test]
    fn a_limit_says_in_both_forms_when_to_come_back() {
        let reply = ApiError::limit_exceeded(Duration::from_millis(1_200)).into_reply();

        assert_eq!(reply.status(), 429);
        assert_eq!(reply.headers()[header::RETRY_AFTER], "2");
        assert_eq!(body(&reply)["retry_after_ms"], 1200);
        assert_eq!(body(&reply)["errcode"], "M_LIMIT_EXCEEDED");
    }

    #[test]
    fn an_unavailable_store_is_a_503_with_its_own_wait() {
        let store =
            StoreError::Unavailable { reason: "queue full".into(), retry_after: Duration::from_secs(7) };

        let reply = ApiError::from(store).into_reply();

        assert_eq!(
            (reply.status().as_u16(), reply.headers()[header::RETRY_AFTER].as_bytes()),
            (503, &b"7"[..])
        );
    }
}
