//! Whose certificates are believed.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};

/// Why there is nobody to believe.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file of the operator's own authorities cannot be used.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

/// TLS as a client: the authorities of this machine and those in `ca_file`; HTTP/2 where it is offered.
///
/// # Errors
/// The file cannot be used.
pub(super) fn client(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, TrustError> {
    let mut roots = RootCertStore::empty();
    let machine = rustls_native_certs::load_native_certs();
    let (_, unusable) = roots.add_parsable_certificates(machine.certs);
    if !machine.errors.is_empty() || unusable > 0 {
        let errors: Vec<String> = machine.errors.iter().map(ToString::to_string).collect();
        tracing::warn!(?errors, unusable, "not all certificate authorities of this machine can be used");
    }
    if let Some(path) = ca_file {
        add_file(&mut roots, path)?;
    }
    if roots.is_empty() {
        tracing::warn!("this machine has no certificate authorities: no other server can be reached");
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), TrustError> {
    let fault = |reason: String| TrustError::File { path: path.to_owned(), reason };
    let text = std::fs::read(path).map_err(|error| fault(error.to_string()))?;
    let mut certificates = CertificateDer::pem_slice_iter(&text).peekable();
    if certificates.peek().is_none() {
        return Err(fault("no certificate in PEM format".to_owned()));
    }
    for certificate in certificates {
        let certificate = certificate.map_err(|error| fault(error.to_string()))?;
        roots.add(certificate).map_err(|error| fault(error.to_string()))?;
    }
    Ok(())
}
