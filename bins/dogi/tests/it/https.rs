//! HTTPS: protocols by ALPN, a certificate that changes, and files that are none.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dogi::listen::{Limits, Listener, Tls, TlsFiles};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use crate::listener::Routes;
use crate::within;

const FIRST: (&str, &str) = (
    include_str!("certs/first.crt"),
    include_str!("certs/first.key"),
);
const SECOND: (&str, &str) = (
    include_str!("certs/second.crt"),
    include_str!("certs/second.key"),
);

/// Takes any certificate and remembers it.
#[derive(Debug)]
struct Seen(Mutex<Vec<u8>>, Arc<CryptoProvider>);

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        cert: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.0.lock().expect("not poisoned") = cert.to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.1.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.1.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.1.signature_verification_algorithms.supported_schemes()
    }
}

/// Connects; the certificate, the protocol that was agreed on, and the answer to a GET over
/// HTTP/1.1.
async fn ask(addr: SocketAddr, protocol: &str) -> (Vec<u8>, Option<Vec<u8>>, String) {
    let provider = Arc::new(ring::default_provider());
    let seen = Arc::new(Seen(Mutex::default(), Arc::clone(&provider)));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring knows the versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&seen) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(addr).await.expect("the server accepts");
    let name = ServerName::try_from("localhost").expect("a name");
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    let mut stream = within(connecting).await.expect("a handshake");
    let agreed = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    let mut answer = String::new();
    if protocol == "http/1.1" {
        let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.expect("sent");
        within(stream.read_to_string(&mut answer))
            .await
            .expect("answered");
    }
    let cert = seen.0.lock().expect("not poisoned").clone();
    (cert, agreed, answer)
}

fn der(pem: &str) -> Vec<u8> {
    CertificateDer::from_pem_slice(pem.as_bytes())
        .expect("a certificate")
        .to_vec()
}

fn write(dir: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let path = dir.join(name);
    // As certificate tools do it: a new file takes the old one's place.
    let new = dir.join(format!("{name}.new"));
    std::fs::write(&new, text).expect("written");
    std::fs::rename(&new, &path).expect("renamed");
    path
}

#[tokio::test]
async fn https_speaks_both_protocols_and_takes_a_new_certificate() {
    let dir = tempfile::tempdir().expect("a directory");
    let cert = write(dir.path(), "dogi.pem", &format!("{}{}", FIRST.0, FIRST.1));
    let tls = Tls::load(TlsFiles { cert, key: None }).expect("a certificate and its key");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let limits = Limits {
        first_request: Duration::from_secs(1),
        ..Limits::default()
    };
    let listener = Listener::bind(any, Some(tls), limits)
        .await
        .expect("a free port");
    let addr = listener.local_addr().expect("bound");
    let stop = CancellationToken::new();
    let serving = tokio::spawn(listener.serve(Routes::default(), stop.clone()));

    let (seen, agreed, answer) = ask(addr, "http/1.1").await;
    assert_eq!(
        (seen, agreed.as_deref()),
        (der(FIRST.0), Some(b"http/1.1" as &[u8]))
    );
    assert!(answer.ends_with("hello\n"), "{answer}");
    assert_eq!(ask(addr, "h2").await.1.as_deref(), Some(b"h2" as &[u8]));

    // A bad file changes nothing; a good one is taken.
    write(
        dir.path(),
        "dogi.pem",
        "no certificate at all, and longer than before? no",
    );
    write(dir.path(), "dogi.pem", &format!("{}{}", SECOND.0, SECOND.1));
    within(async {
        while ask(addr, "http/1.1").await.0 != der(SECOND.0) {
            tokio::task::yield_now().await;
        }
    })
    .await;

    // Half a handshake is nobody's connection for long.
    let mut half = TcpStream::connect(addr).await.expect("the server accepts");
    half.write_all(&[22, 3, 1, 2, 0, 1]).await.expect("sent");
    let mut rest = Vec::new();
    let _ = within(half.read_to_end(&mut rest)).await;
    stop.cancel();
    within(serving).await.expect("no panic");
}

#[test]
fn files_that_are_no_certificate_are_told_apart() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: &str| write(dir.path(), name, text);
    let cases = [
        (dir.path().join("none"), None, "cannot read"),
        (file("empty", ""), None, "holds no certificate"),
        (file("cert", FIRST.0), None, "holds no private key"),
        (
            file("cert", FIRST.0),
            Some(file("key", SECOND.1)),
            "cannot be used with the certificate",
        ),
        (
            file("cert", FIRST.0),
            Some(file("nokey", "x")),
            "holds no private key",
        ),
        (
            file(
                "bad",
                "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
            ),
            None,
            "is not valid PEM",
        ),
    ];
    for (cert, key, wanted) in cases {
        let error = Tls::load(TlsFiles { cert, key })
            .expect_err(wanted)
            .to_string();
        assert!(error.contains(wanted), "wanted {wanted}, got {error}");
    }
}
