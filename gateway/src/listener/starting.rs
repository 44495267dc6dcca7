//! What a server answers before it is one: a start that brings a store's schema up to date may take long, and can be
//! watched.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::RETRY_AFTER};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{ACCEPT_PAUSE, Listener, socket::Stream};
use crate::{metrics, reply};

/// How long a client may take. They are served one after the other: those who watch are few.
const PATIENCE: Duration = Duration::from_secs(5);

/// When to look again for a server that is there.
const RETRY_AFTER_S: &str = "1";

impl Listener {
    /// Answers `/metrics` and `/health` until `start` is done. The listener takes no other connection by then.
    pub async fn answer_during<T>(&self, handle: &PrometheusHandle, start: impl Future<Output = T>) -> T {
        let answering = async {
            loop {
                match self.socket.accept().await {
                    Ok((Stream::Tcp(stream), _)) => speak(stream, handle).await,
                    Ok((Stream::Unix(stream), _)) => speak(stream, handle).await,
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                }
            }
        };
        tokio::select! {
            done = start => done,
            never = answering => never,
        }
    }
}

/// One request; what goes wrong is the client's.
async fn speak(stream: impl AsyncRead + AsyncWrite + Unpin, handle: &PrometheusHandle) {
    let service = service_fn(|request: Request<Incoming>| {
        let answer = answer(request.uri().path(), handle).map(Full::new);
        async move { Ok::<_, Infallible>(answer) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).keep_alive(false);
    let _ = tokio::time::timeout(PATIENCE, http.serve_connection(TokioIo::new(stream), service)).await;
}

fn answer(path: &str, handle: &PrometheusHandle) -> Response<Bytes> {
    match path {
        "/metrics" => reply::text(StatusCode::OK, metrics::render(handle)),
        "/health" => reply::json(StatusCode::OK, json!({ "status": "alive" }).to_string().into()),
        _ => {
            let error = json!({ "errcode": "M_UNKNOWN", "error": "The server is starting." });
            let mut reply = reply::json(StatusCode::SERVICE_UNAVAILABLE, error.to_string().into());
            reply.headers_mut().insert(RETRY_AFTER, http::HeaderValue::from_static(RETRY_AFTER_S));
            reply
        }
    }
}
