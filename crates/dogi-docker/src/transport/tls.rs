//! TLS with the certificate directory of the Docker CLI.
//!
//! The crypto provider is passed explicitly: nothing depends on, or sets, a process-wide default.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_rustls::TlsConnector;

use crate::endpoint::{ConnectError, Endpoint};

pub(super) fn connector(
    endpoint: &Endpoint,
    host: &str,
) -> Result<(TlsConnector, ServerName<'static>), ConnectError> {
    let directory = endpoint
        .cert_path
        .as_deref()
        .ok_or(ConnectError::NoCertificates)?;
    let name = ServerName::try_from(host.to_owned()).map_err(|_| ConnectError::BadHost {
        host: endpoint.host.clone(),
        reason: "the host is neither a DNS name nor an IP address",
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|err| bad(directory, err))?;
    let builder = if endpoint.tls_verify {
        builder.with_root_certificates(roots(&directory.join("ca.pem"))?)
    } else {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
    };
    let config = match identity(directory)? {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|err| bad(&directory.join("key.pem"), err))?,
    };
    Ok((TlsConnector::from(Arc::new(config)), name))
}

fn bad(path: &Path, reason: impl std::fmt::Display) -> ConnectError {
    ConnectError::BadCertificate {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

fn read(path: PathBuf) -> Result<Vec<u8>, ConnectError> {
    std::fs::read(&path).map_err(|source| ConnectError::CertificateFile { path, source })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let pem = read(path.to_owned())?;
    let found = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|err| bad(path, err))?;
    if found.is_empty() {
        return Err(bad(path, "it holds no certificate in PEM form"));
    }
    Ok(found)
}

fn roots(path: &Path) -> Result<RootCertStore, ConnectError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(path)? {
        store.add(certificate).map_err(|err| bad(path, err))?;
    }
    Ok(store)
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// As the CLI does: a client certificate is used where both of its files are there.
fn identity(directory: &Path) -> Result<Option<Identity>, ConnectError> {
    let (cert, key) = (directory.join("cert.pem"), directory.join("key.pem"));
    if !cert.exists() && !key.exists() {
        return Ok(None);
    }
    let chain = certificates(&cert)?;
    let pem = read(key.clone())?;
    let private = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| bad(&key, "it holds no private key in PEM form"))?;
    Ok(Some((chain, private)))
}

/// Accepts any certificate whose owner can prove to hold its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
