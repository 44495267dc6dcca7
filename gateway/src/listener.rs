//! Listeners: sockets, TLS, and connections that carry HTTP/1.1 or HTTP/2.

mod connection;
mod socket;
mod starting;
pub mod tls;

use std::{io, sync::Arc, time::Duration};

use hyper_util::server::graceful::GracefulShutdown;
use tokio::sync::Semaphore;

use crate::{Gateway, config, gateway::Stage, metrics, pipeline::Entrance};

use connection::Connection;
pub use socket::Socket;
use tls::Tls;

/// How long to wait after a failed accept, which is mostly a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a connection speaks below HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Nothing: TCP.
    Plain,
    /// TLS over TCP.
    Tls,
    /// A unix socket.
    Unix,
}

impl Transport {
    /// Its name as a label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "tcp",
            Self::Tls => "tls",
            Self::Unix => "unix",
        }
    }
}

/// A bound listener.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    tls: Option<Arc<Tls>>,
    parts: Arc<[config::Part]>,
    places: Arc<Semaphore>,
}

/// Why a listener could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}: {error}")]
    Bind {
        /// The address.
        address: config::Address,
        /// Why.
        error: io::Error,
    },
    /// Certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
}

impl Listener {
    /// Binds a listener as configured.
    ///
    /// # Errors
    /// [`ListenError`] says which address or file.
    pub async fn open(config: &config::Listener) -> Result<Self, ListenError> {
        let tls = match (&config.tls_certificate, &config.tls_key) {
            (Some(certificate), Some(key)) => Some(Arc::new(Tls::load(certificate, key)?)),
            _ => None,
        };
        let socket = Socket::bind(&config.address).await;
        let socket = socket.map_err(|error| ListenError::Bind { address: config.address.clone(), error })?;
        let places = Arc::new(Semaphore::new(config.max_connections));
        Ok(Self { socket, tls, parts: config.parts.clone().into(), places })
    }

    /// Where it listens, for the log.
    pub fn describe(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.socket)
    }

    /// Its certificates, to be read again.
    pub fn tls(&self) -> Option<Arc<Tls>> {
        self.tls.clone()
    }

    /// Takes connections until the process drains, then waits for those it has.
    pub async fn run(self, gateway: Arc<Gateway>) {
        let graceful = GracefulShutdown::new();
        tokio::select! {
            () = self.accept(&gateway, &graceful) => {}
            () = gateway.reached(Stage::Draining) => {}
        }
        drop(self.socket);
        graceful.shutdown().await;
    }

    /// Where it listens, for tests that let the system choose a port.
    #[cfg(test)]
    fn port(&self) -> u16 {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().unwrap().port(),
            Socket::Unix(_) => panic!("a unix socket has no port"),
        }
    }

    async fn accept(&self, gateway: &Arc<Gateway>, graceful: &GracefulShutdown) {
        loop {
            let (stream, peer) = match self.socket.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
                metrics::connection_refused(metrics::Refusal::Full);
                continue;
            };
            let connection = Connection {
                gateway: Arc::clone(gateway),
                entrance: Entrance { peer, parts: Arc::clone(&self.parts) },
                watcher: graceful.watcher(),
            };
            let tls = self.tls.clone();
            tokio::spawn(async move {
                let _place = place;
                connection.serve(stream, tls).await;
            });
        }
    }
}

#[cfg(test)]
mod tests;
