//! TLS with certificates of the platform. Which roots the platform has is said by the
//! environment, so each case runs in a process of its own: this test binary again,
//! asked for one test that finds nothing to do elsewhere.

use std::{
    path::Path,
    process::{Command, Output},
    sync::Arc,
};

use dogi_egress::HttpOptions;
use dogi_testkit::proc;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::clients::http;

/// A self-signed certificate for `receiver.example`, as `cert.pem` and `key.pem`.
fn make_certificate(dir: &Path) {
    let mut command = Command::new("openssl");
    command
        .current_dir(dir)
        .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"]);
    command.args([
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-subj",
        "/CN=test",
    ]);
    command.args(["-addext", "subjectAltName=DNS:receiver.example"]);
    command.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    command.args(["-keyout", "key.pem", "-out", "cert.pem"]);
    proc::run(&mut command, "openssl").unwrap();
}

async fn serve(dir: &Path) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    std::fs::write(
        dir.join("port"),
        listener.local_addr().unwrap().port().to_string(),
    )
    .unwrap();
    let certificate = CertificateDer::from_pem_file(dir.join("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(dir.join("key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let Ok(mut connection) = acceptor.accept(connection).await else {
                continue;
            };
            let mut request = [0; 1024];
            let _ = connection.read(&mut request).await;
            let _ = connection
                .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                .await;
            let _ = connection.shutdown().await;
        }
    });
}

async fn child(dir: &Path, url_host: &str, roots: &str) -> Output {
    let port = std::fs::read_to_string(dir.join("port")).unwrap();
    std::fs::write(dir.join("url"), format!("https://{url_host}:{port}/")).unwrap();
    let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "tls::in_a_process_of_its_own", "--nocapture"]);
    command
        .env("SSL_CERT_FILE", dir.join(roots))
        .env("SSL_CERT_DIR", dir.join("none"));
    command
        .current_dir(dir)
        .kill_on_drop(true)
        .output()
        .await
        .unwrap()
}

#[tokio::test]
async fn in_a_process_of_its_own() {
    let Ok(url) = std::fs::read_to_string("url") else {
        return;
    };
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    let client = http("loopback", HttpOptions::default())
        .client_builder()
        .build()
        .unwrap();
    let answer = client.get(url).send().await;
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    assert_eq!(answer.unwrap().status(), 204);
}

#[tokio::test]
async fn certificates_are_verified_without_a_global_provider() {
    let dir = tempfile::tempdir().unwrap();
    make_certificate(dir.path());
    serve(dir.path()).await;
    let cases = [
        ("receiver.example", "cert.pem", true, "1 passed"),
        ("rebound.example", "cert.pem", false, "NotValidForName"),
        (
            "receiver.example",
            "no-such-file",
            false,
            "install the package ca-certificates",
        ),
    ];
    for (host, roots, wanted, said) in cases {
        let output = child(dir.path(), host, roots).await;
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.success(), wanted, "{host} {roots}: {text}");
        assert!(text.contains(said), "{host} {roots}: {text}");
    }
}
