//! What a handler answers with.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use ruma::api::{OutgoingResponse, OutgoingResponseExt as _};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::ApiError;

/// A response whose body is in memory.
pub type Reply = http::Response<Bytes>;

/// Something that a handler may return.
pub trait IntoReply {
    /// The response.
    fn into_reply(self) -> Result<Reply, ApiError>;
}

impl<R: OutgoingResponse> IntoReply for R {
    fn into_reply(self) -> Result<Reply, ApiError> {
        let response = self.try_into_http_response::<Vec<u8>>().map_err(ApiError::internal)?;
        Ok(response.map(Bytes::from))
    }
}

/// JSON that is rendered already; `/sync` renders its own.
#[derive(Debug, Clone)]
pub struct RawJson(pub Bytes);

impl From<&RawValue> for RawJson {
    fn from(json: &RawValue) -> Self {
        Self(Bytes::copy_from_slice(json.get().as_bytes()))
    }
}

impl IntoReply for RawJson {
    fn into_reply(self) -> Result<Reply, ApiError> {
        Ok(json(StatusCode::OK, self.0))
    }
}

/// A value rendered as JSON, where ruma's type would leave out what clients look for.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoReply for Json<T> {
    fn into_reply(self) -> Result<Reply, ApiError> {
        Ok(json(StatusCode::OK, serde_json::to_vec(&self.0).map_err(ApiError::internal)?.into()))
    }
}

/// A response made by hand.
#[derive(Debug)]
pub struct Made(pub Reply);

impl IntoReply for Made {
    fn into_reply(self) -> Result<Reply, ApiError> {
        Ok(self.0)
    }
}

/// A JSON response.
pub fn json(status: StatusCode, body: Bytes) -> Reply {
    let mut reply = Reply::new(body);
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

/// A response of plain text.
pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    let mut reply = Reply::new(body.into());
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    reply
}
