//! One connection: TLS if the listener has it, then HTTP/1.1 or HTTP/2, whichever the client speaks.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::Watcher},
};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Transport, socket::Stream, tls::Tls};
use crate::{
    Gateway, metrics,
    pipeline::{self, Entrance},
};

/// How long a client may take for a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may take for the headers of a request, and may idle between two.
const HEADER_READ_TIMEOUT: Duration = Duration::from_mins(1);

/// The most bytes of headers.
const MAX_HEADER_BYTES: usize = 64 << 10;

/// The most headers.
const MAX_HEADERS: usize = 100;

/// The most requests of one HTTP/2 connection at once.
const MAX_STREAMS: u32 = 256;

/// How often a silent HTTP/2 connection is asked whether it lives.
const PING_EVERY: Duration = Duration::from_mins(1);

/// A connection that was accepted.
pub(super) struct Connection {
    pub(super) gateway: Arc<Gateway>,
    pub(super) entrance: Entrance,
    pub(super) watcher: Watcher,
}

impl Connection {
    /// Serves the connection to its end.
    pub(super) async fn serve(self, stream: Stream, tls: Option<Arc<Tls>>) {
        match (stream, tls) {
            (Stream::Unix(stream), _) => self.speak(stream, Transport::Unix).await,
            (Stream::Tcp(stream), None) => self.speak(stream, Transport::Plain).await,
            (Stream::Tcp(stream), Some(tls)) => {
                match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
                    Ok(Ok(stream)) => self.speak(stream, Transport::Tls).await,
                    Ok(Err(error)) => {
                        tracing::debug!(%error, "TLS handshake failed");
                        metrics::connection_refused(metrics::Refusal::Tls);
                    }
                    Err(_) => metrics::connection_refused(metrics::Refusal::TlsTimeout),
                }
            }
        }
    }

    async fn speak(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, transport: Transport) {
        let _open = metrics::connection(transport);
        let Self { gateway, entrance, watcher } = self;
        let service = service_fn(move |request: http::Request<Incoming>| {
            let answer = pipeline::serve(Arc::clone(&gateway), entrance.clone(), request);
            async move { Ok::<http::Response<Full<Bytes>>, Infallible>(answer.await.map(Full::new)) }
        });
        let connection = builder().serve_connection(TokioIo::new(stream), service).into_owned();
        if let Err(error) = watcher.watch(connection).await {
            tracing::trace!(%error, "connection ended");
        }
    }
}

/// HTTP with every bound that hyper leaves open without a timer.
fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES)
        .max_headers(MAX_HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_BYTES as u32)
        .keep_alive_interval(PING_EVERY);
    builder
}
