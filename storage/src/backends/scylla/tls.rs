//! TLS to the cluster.

use std::{path::Path, sync::Arc};

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use super::options::{BadSetting, Tls};

/// What connections speak TLS by.
///
/// # Errors
/// A file that cannot be read, or has not in it what it should have.
pub(super) fn config(tls: &Tls) -> Result<Arc<ClientConfig>, BadSetting> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("tls_ca", &tls.ca)? {
        roots.add(certificate).map_err(|error| bad("tls_ca", &tls.ca, &error))?;
    }
    // Another provider may be linked in beside ours, so it is named.
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| bad("tls_ca", &tls.ca, &error))?
        .with_root_certificates(roots);
    let Some(identity) = &tls.identity else { return Ok(Arc::new(builder.with_no_client_auth())) };
    let chain = certificates("tls_certificate", &identity.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&identity.key);
    let key = key.map_err(|error| bad("tls_key", &identity.key, &error))?;
    let config = builder.with_client_auth_cert(chain, key);
    config.map(Arc::new).map_err(|error| bad("tls_key", &identity.key, &error))
}

fn certificates(setting: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, BadSetting> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let read = read.map_err(|error| bad(setting, path, &error))?;
    if read.is_empty() {
        return Err(bad(setting, path, &"there is no certificate in it"));
    }
    Ok(read)
}

fn bad(setting: &'static str, path: &Path, error: &dyn std::fmt::Display) -> BadSetting {
    BadSetting { setting, reason: format!("{}: {error}", path.display()) }
}
