//! Connections: names looked up, addresses checked, TLS with the right name.

use std::{
    fmt,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use rustls_pki_types::ServerName as TlsName;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{Guard, LookupError, Resolve, Via};
use crate::discovery::{self, Target};

/// The most addresses that one connection is tried with.
const MOST_ATTEMPTS: usize = 6;

/// Makes connections of one kind.
#[derive(Clone)]
pub(super) struct Connector {
    pub via: Via,
    pub dns: Arc<dyn Resolve>,
    pub guard: Arc<Guard>,
    pub tls: TlsConnector,
    /// For each address that is tried, the handshake included.
    pub timeout: Duration,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The name of the other end makes no sense.
    #[error("{0} names no server")]
    Name(String),
    /// The name servers did not answer.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The name has no address, or says that it offers no such service.
    #[error("{0} has no address")]
    NoAddress(String),
    /// All addresses of the name are in networks that requests may not go to.
    #[error("{host} is at {address}, which is in a network that requests may not go to")]
    Forbidden {
        /// The name.
        host: String,
        /// One of its addresses.
        address: IpAddr,
    },
    /// Nobody took the connection, or not in time.
    #[error("{address}: {error}")]
    Unreachable {
        /// Where it was tried last.
        address: SocketAddr,
        /// What happened.
        error: io::Error,
    },
}

impl Connector {
    /// Connects to the other end of `uri`, whose host is the name that the certificate must bear.
    async fn connect(self, uri: Uri) -> Result<Stream, ConnectError> {
        let nameless = || ConnectError::Name(uri.to_string());
        let host = uri.host().ok_or_else(nameless)?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = TlsName::try_from(bare.to_owned()).map_err(|_| nameless())?;
        let targets = match self.via {
            Via::Federation => discovery::targets(&*self.dns, bare, uri.port_u16()).await?,
            Via::Web => vec![Target { host: bare.to_owned(), port: uri.port_u16().unwrap_or(443) }],
        };

        let mut failure = ConnectError::NoAddress(bare.to_owned());
        let mut attempts = 0;
        for target in &targets {
            let addresses = match self.permitted(target).await {
                Ok(addresses) => addresses,
                Err(error) => {
                    failure = error;
                    continue;
                }
            };
            for address in addresses {
                if attempts == MOST_ATTEMPTS {
                    return Err(failure);
                }
                attempts += 1;
                match self.reach(address, name.clone()).await {
                    Ok(stream) => return Ok(Stream(TokioIo::new(stream))),
                    Err(error) => failure = ConnectError::Unreachable { address, error },
                }
            }
        }
        Err(failure)
    }

    /// The addresses of a target that may be connected to.
    async fn permitted(&self, target: &Target) -> Result<Vec<SocketAddr>, ConnectError> {
        let host = &target.host;
        let all = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => self.dns.addresses(host).await?,
        };
        let first = all.first().copied();
        let permitted: Vec<_> = all.into_iter().filter(|address| self.guard.permits(*address)).collect();
        match first {
            None => Err(ConnectError::NoAddress(host.clone())),
            Some(address) if permitted.is_empty() => {
                Err(ConnectError::Forbidden { host: host.clone(), address })
            }
            Some(_) => {
                Ok(permitted.into_iter().map(|address| SocketAddr::new(address, target.port)).collect())
            }
        }
    }

    async fn reach(&self, address: SocketAddr, name: TlsName<'static>) -> io::Result<TlsStream<TcpStream>> {
        let attempt = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            self.tls.connect(name, stream).await
        };
        tokio::time::timeout(self.timeout, attempt)
            .await
            .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "no connection in time")))
    }
}

impl tower_service::Service<Uri> for Connector {
    type Response = Stream;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connector({:?})", self.via)
    }
}

/// A connection that says whether HTTP/2 was agreed on.
#[derive(Debug)]
pub(super) struct Stream(TokioIo<TlsStream<TcpStream>>);

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let (_, tls) = self.0.inner().get_ref();
        if tls.alpn_protocol() == Some(b"h2") { Connected::new().negotiated_h2() } else { Connected::new() }
    }
}

impl hyper::rt::Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl hyper::rt::Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
