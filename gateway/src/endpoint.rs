//! An endpoint: a handler, and what the pipeline must know of it.
//!
//! Method, paths and authentication come from ruma's metadata of the request type, so a line in the route table names
//! the handler and nothing else, unless the endpoint differs from the others.

use std::{future::Future, sync::Arc};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Method, StatusCode, request::Parts};
use ruma::api::{
    IncomingRequest, IncomingRequestExt as _, Metadata,
    error::{DeserializationError, FromHttpRequestError},
    path_builder::PathBuilder as _,
};

use crate::{
    ApiError, Gateway,
    context::{Authentication, Caller, Context, Credentials, RequestInfo, Scheme},
    limits::Class,
    reply::{IntoReply, Reply},
};

/// What a JSON body may weigh unless the endpoint says otherwise.
pub const DEFAULT_BODY_BYTES: usize = 1 << 20;

/// A request that passed the pipeline.
#[derive(Debug)]
pub struct Incoming {
    /// The gateway that took it.
    pub gateway: Arc<Gateway>,
    /// Who asks, as far as the endpoint wants to know.
    pub credentials: Credentials,
    /// Its id, address and body.
    pub info: RequestInfo,
    /// Method, URI and headers.
    pub head: Parts,
    /// The decoded variables of the path, in its order.
    pub path_args: Vec<String>,
}

type Call = Box<dyn Fn(Incoming) -> BoxFuture<'static, Result<Reply, ApiError>> + Send + Sync>;

/// How an endpoint takes its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// The method has none; what is sent is not read.
    Ignored,
    /// A JSON object, or nothing.
    Json,
    /// Bytes.
    Raw,
}

/// A row of the route table.
pub struct Endpoint {
    /// The method.
    pub method: Method,
    /// Every path it answers on, the newest last.
    pub paths: Vec<&'static str>,
    /// Whether it wants a token.
    pub authentication: Authentication,
    /// The rate limit it counts towards.
    pub class: Option<Class>,
    /// How it takes its body.
    pub body: BodyKind,
    /// The most bytes of body it takes.
    pub body_limit_bytes: usize,
    /// A text that its body must have, where ruma's parser would panic without.
    pub needs_text: Option<&'static str>,
    /// Whether locked users may use it.
    pub open_to_locked: bool,
    /// Whether suspended users may not use it.
    pub closed_to_suspended: bool,
    call: Call,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.template())
    }
}

/// An endpoint that `handler` answers; the rest is in the metadata of its request type.
pub fn endpoint<R, F, Answer, A>(handler: F) -> Endpoint
where
    R: IncomingRequest + Metadata + Send + 'static,
    R::Authentication: Scheme,
    F: Fn(Context<<R::Authentication as Scheme>::Caller>, R) -> Answer + Copy + Send + Sync + 'static,
    Answer: Future<Output = Result<A, ApiError>> + Send + 'static,
    A: IntoReply + 'static,
{
    let call = move |incoming: Incoming| -> BoxFuture<'static, _> {
        Box::pin(async move {
            let (context, request) = incoming.parse::<R, _>()?;
            handler(context, request).await?.into_reply()
        })
    };
    let rate_limited = R::RATE_LIMITED;
    Endpoint {
        method: R::METHOD,
        paths: R::PATH_BUILDER.all_paths().collect(),
        authentication: <<R::Authentication as Scheme>::Caller as Caller>::AUTHENTICATION,
        class: rate_limited.then_some(Class::Other),
        body: if R::METHOD == Method::GET { BodyKind::Ignored } else { BodyKind::Json },
        body_limit_bytes: DEFAULT_BODY_BYTES,
        needs_text: None,
        open_to_locked: false,
        closed_to_suspended: false,
        call: Box::new(call),
    }
}

/// An endpoint outside the specification, which ruma has no type for.
pub fn custom<F, Answer, A>(method: Method, path: &'static str, handler: F) -> Endpoint
where
    F: Fn(Incoming) -> Answer + Copy + Send + Sync + 'static,
    Answer: Future<Output = Result<A, ApiError>> + Send + 'static,
    A: IntoReply + 'static,
{
    let call = move |incoming: Incoming| -> BoxFuture<'static, _> {
        Box::pin(async move { handler(incoming).await?.into_reply() })
    };
    Endpoint {
        body: if method == Method::GET { BodyKind::Ignored } else { BodyKind::Json },
        method,
        paths: vec![path],
        authentication: Authentication::None,
        class: None,
        body_limit_bytes: DEFAULT_BODY_BYTES,
        needs_text: None,
        open_to_locked: false,
        closed_to_suspended: false,
        call: Box::new(call),
    }
}

/// How an endpoint differs from the others.
impl Endpoint {
    /// Answers on a path more, such as one with a trailing slash.
    pub fn also_at(mut self, path: &'static str) -> Self {
        self.paths.insert(0, path);
        self
    }

    /// Counts towards another rate limit than that of [`Class::Other`].
    pub fn class(mut self, class: Class) -> Self {
        self.class = Some(class);
        self
    }

    /// Takes a body of up to `bytes`.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit_bytes = bytes;
        self
    }

    /// Takes bytes, not JSON.
    pub fn raw_body(mut self) -> Self {
        self.body = BodyKind::Raw;
        self
    }

    /// Refuses a body without this text before ruma's parser, which would panic, sees it.
    pub fn needs_text(mut self, field: &'static str) -> Self {
        self.needs_text = Some(field);
        self
    }

    /// Locked users may use it (logging out).
    pub fn open_to_locked(mut self) -> Self {
        self.open_to_locked = true;
        self
    }

    /// Suspended users may not use it.
    pub fn closed_to_suspended(mut self) -> Self {
        self.closed_to_suspended = true;
        self
    }

    /// The path that stands for it in metrics and logs: the newest.
    pub fn template(&self) -> &'static str {
        self.paths.last().copied().unwrap_or_default()
    }

    /// Answers a request.
    pub fn call(&self, incoming: Incoming) -> BoxFuture<'static, Result<Reply, ApiError>> {
        (self.call)(incoming)
    }
}

impl Incoming {
    /// Reads the request type from path, query, headers and body.
    fn parse<R, C>(self) -> Result<(Context<C>, R), ApiError>
    where
        R: IncomingRequest,
        C: Caller,
    {
        let caller = C::from_credentials(self.credentials)?;
        let args: Vec<&str> = self.path_args.iter().map(String::as_str).collect();
        let request = http::Request::from_parts(self.head, &self.info.body[..]);
        let request = R::try_from_http_request(request, &args).map_err(refused)?;
        Ok((Context { caller, request: self.info, gateway: self.gateway }, request))
    }

    /// Reads the body as JSON, for endpoints outside the specification.
    ///
    /// # Errors
    /// `M_BAD_JSON` when it is of another shape.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, ApiError> {
        let body: &Bytes = &self.info.body;
        serde_json::from_slice(if body.is_empty() { b"{}" } else { body }).map_err(|e| of_json(&e))
    }
}

fn refused(error: FromHttpRequestError) -> ApiError {
    match error {
        FromHttpRequestError::Deserialization(error) => of_shape(&error),
        FromHttpRequestError::MethodMismatch { .. } => ApiError::method_not_allowed(),
        other => {
            ApiError::new(StatusCode::BAD_REQUEST, ruma::api::error::ErrorCode::Unknown, other.to_string())
        }
    }
}

/// What is wrong with the shape of a request. Path and query both come as `Query`.
fn of_shape(error: &DeserializationError) -> ApiError {
    match error {
        DeserializationError::Utf8(_) => ApiError::not_json("The request is not UTF-8"),
        DeserializationError::Json(error) => of_json(error),
        DeserializationError::Query(error) => {
            let message = error.to_string();
            if message.starts_with("missing field") {
                ApiError::missing_param(message)
            } else {
                ApiError::invalid_param(message)
            }
        }
        DeserializationError::Ident(error) => ApiError::invalid_param(error.to_string()),
        DeserializationError::Header(error) => ApiError::invalid_param(error.to_string()),
        other => ApiError::bad_json(other.to_string()),
    }
}

fn of_json(error: &serde_json::Error) -> ApiError {
    let text = error.to_string();
    if text.starts_with("data did not match any variant") {
        // Which serde says of what may have one of several shapes.
        ApiError::bad_json("The body lacks a parameter that this request needs, or one is of a wrong type")
    } else if error.is_data() {
        ApiError::bad_json(text)
    } else {
        ApiError::not_json("The body is not JSON")
    }
}
