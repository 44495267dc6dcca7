//! Reading a body: never more than the endpoint takes, never longer than [`READ_TIMEOUT`].

use std::{fmt::Display, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body;
use serde_json::{Map, Value};

use crate::{
    ApiError,
    endpoint::{BodyKind, Endpoint},
    json,
};

/// How long a whole body may take to arrive.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// Refuses a body by what the client says of it, before anything is read or looked up.
///
/// # Errors
/// 413 `M_TOO_LARGE`.
pub fn refuse_declared_excess(headers: &HeaderMap, endpoint: &Endpoint) -> Result<(), ApiError> {
    let declared =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if endpoint.body != BodyKind::Ignored && declared.is_some_and(|length| length > endpoint.body_limit_bytes)
    {
        return Err(ApiError::too_large(endpoint.body_limit_bytes));
    }
    Ok(())
}

/// Reads the body that an endpoint takes; JSON is checked as [`json`] says.
///
/// # Errors
/// 413 beyond the limit, 408 beyond the time, 400 for a body that breaks off or is no JSON object.
pub async fn read<B>(stream: B, endpoint: &Endpoint) -> Result<Bytes, ApiError>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Display,
{
    if endpoint.body == BodyKind::Ignored {
        return Ok(Bytes::new());
    }
    if stream.is_end_stream() {
        return nothing(endpoint);
    }
    let limit = endpoint.body_limit_bytes;
    let stream = stream.map_err(|error| error.to_string());
    let read = tokio::time::timeout(READ_TIMEOUT, Limited::new(Box::pin(stream), limit).collect());
    let body = match read.await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(ApiError::too_large(limit)),
        Ok(Err(_)) => return Err(ApiError::bad_request("The body broke off")),
        Err(_) => return Err(ApiError::request_timeout()),
    };
    if body.is_empty() {
        return nothing(endpoint);
    }
    if endpoint.body == BodyKind::Json {
        json::check_object(&body)?;
    }
    must_have_text(&body, endpoint.needs_text)?;
    Ok(body)
}

/// What a missing body stands for: many clients send none where every key is optional.
fn nothing(endpoint: &Endpoint) -> Result<Bytes, ApiError> {
    let body = Bytes::from_static(if endpoint.body == BodyKind::Json { b"{}" } else { b"" });
    must_have_text(&body, endpoint.needs_text)?;
    Ok(body)
}

fn must_have_text(body: &[u8], field: Option<&str>) -> Result<(), ApiError> {
    let Some(field) = field else { return Ok(()) };
    let body: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    match body.get(field) {
        Some(Value::String(_)) => Ok(()),
        Some(_) => Err(ApiError::bad_json(format!("`{field}` must be text"))),
        None => Err(ApiError::bad_json(format!("`{field}` is missing"))),
    }
}
