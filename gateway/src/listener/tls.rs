//! TLS with certificates that are read again when their files change or on SIGHUP. A file that cannot be used is
//! reported, and the certificate before it stays.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustls::{
    ServerConfig,
    crypto::ring,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

use crate::metrics;

/// How often the files are looked at.
pub const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The certificate of a listener.
#[derive(Debug)]
pub struct Tls {
    acceptor: Acceptor,
    current: Arc<Current>,
    certificate: PathBuf,
    key: PathBuf,
    loaded: Mutex<Option<Version>>,
}

/// When the files were written, by which a change is seen.
type Version = (SystemTime, SystemTime);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not readable.
    #[error("{}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: no {wanted} in PEM format", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
    },
    /// Certificate and key do not fit each other, or are of a kind that is not spoken.
    #[error("{} and {}: {error}", certificate.display(), key.display())]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        error: rustls::Error,
    },
}

#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

#[derive(Clone)]
struct Acceptor(TlsAcceptor);

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Acceptor")
    }
}

impl Tls {
    /// Reads certificate chain and key.
    ///
    /// # Errors
    /// [`TlsError`] names the file.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let current = Arc::new(Current(ArcSwap::from_pointee(read(certificate, key)?)));
        let provider = Arc::new(ring::default_provider());
        let unusable = |error| TlsError::Unusable { certificate: certificate.into(), key: key.into(), error };
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config =
            builder.map_err(unusable)?.with_no_client_auth().with_cert_resolver(Arc::clone(&current) as _);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = Acceptor(TlsAcceptor::from(Arc::new(config)));
        let loaded = Mutex::new(version(certificate, key));
        Ok(Self { acceptor, current, certificate: certificate.into(), key: key.into(), loaded })
    }

    /// The server's side of a handshake.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.acceptor.0.accept(stream).await
    }

    /// When the server's own certificate ends, in seconds since the epoch. Those above it in the chain may end sooner:
    /// old ones are sent along for old clients.
    pub fn not_after(&self) -> Option<i64> {
        let key = self.current.0.load();
        let (_, certificate) = X509Certificate::from_der(key.cert.first()?).ok()?;
        Some(certificate.validity().not_after.timestamp())
    }

    /// Reads the files again if they changed.
    pub fn reload_if_changed(&self) {
        let now = version(&self.certificate, &self.key);
        if now.is_some() && now != *self.loaded.lock() {
            self.reload();
        }
    }

    /// Reads the files again. New connections get the new certificate.
    pub fn reload(&self) {
        let version = version(&self.certificate, &self.key);
        match read(&self.certificate, &self.key) {
            Ok(key) => {
                self.current.0.store(Arc::new(key));
                metrics::tls_reloaded("done");
                tracing::info!(file = %self.certificate.display(), "certificate read again");
            }
            Err(error) => {
                metrics::tls_reloaded("failed");
                tracing::error!(%error, "the new certificate cannot be used; the old one stays");
            }
        }
        *self.loaded.lock() = version;
    }
}

fn version(certificate: &Path, key: &Path) -> Option<Version> {
    let modified = |path: &Path| fs::metadata(path).ok()?.modified().ok();
    Some((modified(certificate)?, modified(key)?))
}

fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let chain =
        CertificateDer::pem_slice_iter(&bytes(certificate)?).filter_map(Result::ok).collect::<Vec<_>>();
    if chain.is_empty() {
        return Err(TlsError::Empty { path: certificate.into(), wanted: "certificate" });
    }
    let private = PrivateKeyDer::from_pem_slice(&bytes(key)?);
    let private = private.map_err(|_| TlsError::Empty { path: key.into(), wanted: "private key" })?;
    let made = CertifiedKey::from_der(chain, private, &ring::default_provider());
    made.map_err(|error| TlsError::Unusable { certificate: certificate.into(), key: key.into(), error })
}

fn bytes(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| TlsError::Unreadable { path: path.into(), error })
}
