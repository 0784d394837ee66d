//! The certificates that are trusted where no library for a protocol looks after them.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::SendError;

/// A configuration that trusts what the system trusts, and the certificates of a file besides.
pub(super) fn config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, SendError> {
    let mut roots = RootCertStore::empty();
    // What cannot be read of the system's certificates is not trusted, as for every other program.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = ca_file {
        let unusable = |source: Box<dyn std::error::Error + Send + Sync>| SendError::Certificates {
            file: file.to_owned(),
            source,
        };
        let certificates = CertificateDer::pem_file_iter(file).map_err(|error| unusable(error.into()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| unusable(error.into()))?;
            roots.add(certificate).map_err(|error| unusable(error.into()))?;
        }
    }
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}
