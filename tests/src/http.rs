//! Plain HTTP to one server: JSON in, a [`Reply`] out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Longer than any long poll of the tests: a request past it counts as unanswered.
const DEADLINE: Duration = Duration::from_mins(1);

/// Percent-encodes `text` as one segment of a path, or one value of a query.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// A client of one server. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    base: Arc<str>,
}

/// The server took no notice: refused or cut the connection, or let the time run out.
#[derive(Debug)]
pub struct Unanswered(String);

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Http {
    /// A client of the server at `base`, such as `http://127.0.0.1:8008`.
    pub fn new(base: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { client, base: base.trim_end_matches('/').into() }
    }

    /// Where the server is.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Sends JSON, or nothing.
    ///
    /// # Errors
    /// [`Unanswered`]: whether the request had an effect is not known.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Reply, Unanswered> {
        self.send_bytes(method, path, token, body.map(|b| b.to_string().into_bytes())).await
    }

    /// Sends a body as it is, labeled as JSON.
    ///
    /// # Errors
    /// As [`Http::send`].
    pub async fn send_bytes(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<Vec<u8>>,
    ) -> Result<Reply, Unanswered> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::from(body.unwrap_or_default())).expect("a valid request");
        self.send_request(request).await
    }

    /// Sends a request made by hand; its URI must be absolute.
    ///
    /// # Errors
    /// As [`Http::send`].
    pub async fn send_request(&self, request: Request<Full<Bytes>>) -> Result<Reply, Unanswered> {
        let what = format!("{} {}", request.method(), request.uri().path());
        let lost = |why: &dyn fmt::Display| Unanswered(format!("{what}: {why}"));
        let exchange = async {
            let response = self.client.request(request).await.map_err(|e| lost(&e))?;
            let (head, body) = response.into_parts();
            let bytes = body.collect().await.map_err(|e| lost(&e))?.to_bytes();
            Ok((head, bytes))
        };
        let (head, bytes) =
            tokio::time::timeout(DEADLINE, exchange).await.map_err(|_| lost(&"timed out"))??;
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Ok(Reply { what, status: head.status.as_u16(), headers: head.headers, body })
    }
}

/// What the server answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Method and path of the request, for messages.
    what: String,
    /// The HTTP status.
    pub status: u16,
    /// The HTTP headers.
    pub headers: HeaderMap,
    /// The JSON body; a body that is no JSON is kept as a string.
    pub body: Value,
}

impl Reply {
    /// The body of a 200.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{} was refused: {}", self.what, self.body);
        self.body
    }

    /// The body of a refusal with this status and `errcode`.
    #[track_caller]
    pub fn refused(self, status: u16, errcode: &str) -> Value {
        let said = (self.status, self.body["errcode"].as_str().unwrap_or_default());
        assert_eq!(said, (status, errcode), "{} answered: {}", self.what, self.body);
        self.body
    }

    /// Whether the status is 200.
    pub fn is_ok(&self) -> bool {
        self.status == 200
    }

    /// A header as text, empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
}
