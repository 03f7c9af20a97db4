//! Where the engine is: addresses, TCP, TLS, and an engine that is not there or goes away.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dogi_docker::{
    BuildError, BuildSpec, Builder, Channel, Docker, Endpoint, EngineError, StartError,
};
use futures::FutureExt;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};

use tokio::net::{TcpListener, UnixStream};
use tokio_util::sync::CancellationToken;

use crate::output::chain;
use crate::support::{Fixture, busybox, context, within};

const SOCKET: &str = "/var/run/docker.sock";

/// The engine behind a TCP port of its own, which can be pulled out.
struct Proxy {
    port: u16,
    stop: CancellationToken,
    /// How often the engine has been asked to wait for a container.
    waits: tokio::sync::watch::Receiver<usize>,
}

impl Proxy {
    async fn start(tls: Option<tokio_rustls::TlsAcceptor>) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let (count, waits) = tokio::sync::watch::channel(0);
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    () = stopped.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                let (tcp, _) = accepted.unwrap();
                let (tls, stopped, count) = (tls.clone(), stopped.clone(), count.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = stopped.cancelled() => {}
                        () = async {
                            match tls {
                                None => {
                                    let mut begin = [0; 128];
                                    let len = tcp.peek(&mut begin).await.unwrap_or(0);
                                    if begin[..len].windows(6).any(|word| word == b"/wait?") {
                                        count.send_modify(|count| *count += 1);
                                    }
                                    forward(tcp).await;
                                }
                                Some(tls) => {
                                    if let Ok(stream) = tls.accept(tcp).await {
                                        forward(stream).await;
                                    }
                                }
                            }
                        } => {}
                    }
                });
            }
        });
        Proxy { port, stop, waits }
    }

    fn docker(&self) -> Docker {
        Docker::connect(&Endpoint::new(format!("tcp://127.0.0.1:{}", self.port))).unwrap()
    }
}

async fn forward(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut engine = UnixStream::connect(SOCKET).await.unwrap();
    let _ = tokio::io::copy_bidirectional(&mut stream, &mut engine).await;
}

#[test]
fn addresses() {
    // (host, what is wrong; empty: nothing)
    let cases = [
        ("", ""),
        ("unix:///var/run/docker.sock", ""),
        ("unix://", ""),
        ("tcp://127.0.0.1:2375", ""),
        ("tcp://127.0.0.1:2375/", ""),
        ("tcp://engine.example", ""),
        ("tcp://[::1]:2375", ""),
        ("engine.example:2375", ""),
        ("tcp://", ""),
        ("unix://relative/path", "the socket's path is not absolute"),
        (
            "tcp://engine.example:0",
            "the port is not a number from 1 to 65535",
        ),
        (
            "tcp://engine.example:99999",
            "the port is not a number from 1 to 65535",
        ),
        (
            "tcp://engine.example:x",
            "the port is not a number from 1 to 65535",
        ),
        ("tcp://::1:2375", "an IPv6 address needs brackets"),
        ("tcp://[::1", "the bracket is not closed"),
        (
            "tcp://user@engine.example",
            "nothing may stand around host and port",
        ),
        (
            "tcp://engine.example/path",
            "nothing may stand around host and port",
        ),
        (
            "tcp://engine.example?x",
            "nothing may stand around host and port",
        ),
        ("tcp://a b", "it has a space or a control character"),
        ("unix:///a\nb", "it has a space or a control character"),
        (
            "npipe:////./pipe/docker_engine",
            "npipe:// is not supported: named pipes are Windows' own",
        ),
        ("ssh://user@host", "ssh:// is not supported"),
        (
            "fd://3",
            "fd:// is not supported: it names a socket handed to the daemon",
        ),
        ("http://127.0.0.1:2375", "the Docker CLI writes tcp://"),
        ("gopher://x", "gopher:// is not supported: it is unknown"),
    ];
    for (host, wanted) in cases {
        match Docker::connect(&Endpoint::new(host)) {
            Ok(_) => assert_eq!(wanted, "", "{host:?}"),
            Err(error) => {
                let error = error.to_string();
                assert!(
                    !wanted.is_empty() && error.contains(wanted),
                    "{host:?}: {error}"
                );
                assert!(error.contains(&format!("{host:?}")), "{error}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_tells_what_it_is() {
    let info = crate::support::docker().info().await.unwrap();
    assert_eq!(info.os, "linux");
    assert!(
        info.buildkit && !info.version.is_empty() && info.api.starts_with("1."),
        "{info:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tcp_everything_works() {
    let mut fixture = Fixture::new().await;
    let proxy = Proxy::start(None).await;
    fixture.docker = proxy.docker();
    everything(&fixture).await;
}

/// Both builders, attach, exec, follow, archive.
async fn everything(fixture: &Fixture) {
    for builder in [Builder::Classic, Builder::BuildKit] {
        let spec = BuildSpec {
            builder,
            ..BuildSpec::default()
        };
        let files = fixture.shell("RUN echo x > /x\n");
        let (built, log) = fixture.build(&spec, files).await;
        built.unwrap_or_else(|err| panic!("{err:?}\n{log}"));
    }
    let container = fixture
        .create(&fixture.sh("echo a > /tmp/f; echo out; exit 5"))
        .await;
    container.inject_helper().await.unwrap();
    let mut attached = container.start_attached().await.unwrap();
    let mut files = container.follow(&[(7, "/tmp/f")]).unwrap();
    let mut out = Vec::new();
    while let Some(piece) = attached.output.next().await {
        let (channel, bytes) = piece.unwrap();
        assert_eq!(channel, Channel::Stdout);
        out.extend_from_slice(&bytes);
    }
    assert_eq!(out, b"out\n");
    assert_eq!(container.wait().await.unwrap().code, 5);
    let event = within(20, "the file", files.next()).await.unwrap().unwrap();
    assert_eq!(
        event,
        dogi_docker::FileEvent::Data {
            file: 7,
            bytes: "a\n".into()
        }
    );
    assert!(files.next().await.is_none());
    container.remove().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_not_there() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let directory = tempfile::tempdir().unwrap();
    let hosts = [
        (format!("tcp://127.0.0.1:{port}"), "refused"),
        (
            format!("unix://{}/no.sock", directory.path().display()),
            "No such file",
        ),
    ];
    for (host, reason) in hosts {
        let docker = Docker::connect(&Endpoint::new(&host)).unwrap();
        let error = docker.ping().await.unwrap_err();
        assert!(matches!(error, EngineError::Unreachable { .. }) && error.is_engine_gone());
        let text = chain(&error);
        assert!(text.contains(&host) && text.contains(reason), "{text}");
        assert_eq!(text.matches(reason).count(), 1, "{text}");
        let create = docker
            .create(&dogi_docker::ContainerSpec::new("x"))
            .await
            .unwrap_err();
        assert!(
            chain(&create).contains("no Docker engine can be reached"),
            "{create:?}"
        );
        let mut log = |_: &[u8]| {};
        let (spec, cancel) = (BuildSpec::default(), CancellationToken::new());
        let built = docker
            .build(&spec, context(busybox()), &mut log, &cancel)
            .await;
        assert!(
            matches!(
                built,
                Err(BuildError::Engine(EngineError::Unreachable { .. }))
            ),
            "{built:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_keeps_silent() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("tcp://{}", silent.local_addr().unwrap());
    let endpoint = Endpoint {
        timeout: Duration::from_secs(1),
        ..Endpoint::new(host)
    };
    let error = Docker::connect(&endpoint)
        .unwrap()
        .ping()
        .await
        .unwrap_err();
    assert!(matches!(error, EngineError::TimedOut { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_goes_away_in_the_middle() {
    let fixture = Fixture::new().await;
    // While a container runs.
    let proxy = Proxy::start(None).await;
    let docker = proxy.docker();
    let container = docker
        .create(&fixture.sh("echo up; sleep 30; echo x > /f"))
        .await
        .unwrap();
    let mut output = container.start_attached().await.unwrap().output;
    let mut files = container.follow(&[(0, "/f")]).unwrap();
    output.next().await.unwrap().unwrap();
    let waiting = container.clone();
    let wait = tokio::spawn(async move { waiting.wait().await });
    let mut waits = proxy.waits.clone();
    within(20, "the wait's request", waits.wait_for(|waits| *waits > 0))
        .await
        .unwrap();
    proxy.stop.cancel();
    let error = within(20, "the wait", wait).await.unwrap().unwrap_err();
    assert!(matches!(error, EngineError::Lost { .. }), "{error:?}");
    assert!(
        chain(&error).contains("went away while it was to wait for the container"),
        "{error}"
    );
    // The output just ends, as it does when the job closes it: how it ended is for wait to say.
    within(20, "the output's end", async {
        while output.next().await.is_some() {}
    })
    .await;
    let begun = Instant::now();
    let error = container.stop(Duration::from_secs(10)).await.unwrap_err();
    assert!(error.is_engine_gone() && begun.elapsed() < Duration::from_secs(5));
    let started = container.start_attached().await.unwrap_err();
    assert!(matches!(started, StartError::Engine { .. }), "{started:?}");
    // The files are followed on when it is back, and so would the output be that is adopted.
    let mut adopted = container.adopt(dogi_docker::Prior::none());
    assert!(files.next().now_or_never().is_none() && adopted.next().now_or_never().is_none());

    // While an image is built.
    for builder in [Builder::Classic, Builder::BuildKit] {
        let proxy = Proxy::start(None).await;
        let docker = proxy.docker();
        let stop = proxy.stop.clone();
        let files = fixture.shell("RUN echo i-am-$((40+2)); sleep 30\n");
        let mut text = String::new();
        let mut log = move |bytes: &[u8]| {
            text.push_str(&String::from_utf8_lossy(bytes));
            if text.contains("i-am-42") {
                stop.cancel();
            }
        };
        let spec = BuildSpec {
            builder,
            no_cache: true,
            ..BuildSpec::default()
        };
        let cancel = CancellationToken::new();
        let built = docker.build(&spec, context(files), &mut log, &cancel);
        let error = within(60, "the build", built).await.unwrap_err();
        assert!(
            matches!(error, BuildError::Engine(EngineError::Lost { .. })),
            "{builder:?}: {error:?}"
        );
    }
}

/// Certificates for a server at 127.0.0.1 and a client, all signed by one authority.
fn certificates(directory: &Path) {
    let script = r#"
set -e
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca-key.pem -out ca.pem
for who in server client; do
  openssl req -newkey rsa:2048 -nodes -subj /CN=$who -keyout $who-key.pem -out $who.csr
  printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n' > ext
  openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile ext -out $who.pem
done
cp client.pem cert.pem; cp client-key.pem key.pem
mkdir other; openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other -keyout other/k -out other/ca.pem
cp cert.pem key.pem other/
mkdir anonymous; cp ca.pem anonymous/
"#;
    let made = Command::new("sh")
        .arg("-c")
        .arg(script)
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
}

fn acceptor(directory: &Path) -> tokio_rustls::TlsAcceptor {
    let read = |name: &str| std::fs::read(directory.join(name)).unwrap();
    let chain = CertificateDer::pem_slice_iter(&read("server.pem"))
        .map(Result::unwrap)
        .collect();
    let key = PrivateKeyDer::from_pem_slice(&read("server-key.pem")).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(&read("ca.pem")).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clients = rustls::server::WebPkiClientVerifier::builder_with_provider(
        Arc::new(roots),
        provider.clone(),
    )
    .build()
    .unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .unwrap();
    tokio_rustls::TlsAcceptor::from(Arc::new(config))
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_with_certificates_as_the_cli_has_them() {
    let directory = tempfile::tempdir().unwrap();
    certificates(directory.path());
    let proxy = Proxy::start(Some(acceptor(directory.path()))).await;
    let endpoint = |host: &str, sub: &str, tls_verify: bool| Endpoint {
        cert_path: Some(directory.path().join(sub)),
        tls_verify,
        ..Endpoint::new(format!("tcp://{host}:{}", proxy.port))
    };
    let mut fixture = Fixture::new().await;
    fixture.docker = Docker::connect(&endpoint("127.0.0.1", "", true)).unwrap();
    everything(&fixture).await;

    // (host, certificates, verify, what is wrong)
    let cases = [
        ("127.0.0.1", "", true, ""),
        ("127.0.0.1", "", false, ""),
        ("localhost", "", true, "not valid for name"),
        ("localhost", "", false, ""),
        ("127.0.0.1", "other", true, "UnknownIssuer"),
        ("127.0.0.1", "other", false, ""),
    ];
    for (host, sub, verify, wanted) in cases {
        let docker = Docker::connect(&endpoint(host, sub, verify)).unwrap();
        match docker.ping().await {
            Ok(()) => assert_eq!(wanted, "", "{host} {sub} {verify}"),
            Err(error) => {
                let text = chain(&error);
                assert!(
                    !wanted.is_empty() && text.contains(wanted),
                    "{host} {sub}: {text}"
                );
                assert!(
                    matches!(error, EngineError::Unreachable { .. }),
                    "{error:?}"
                );
            }
        }
    }
    // The server wants a client certificate.
    let anonymous = Docker::connect(&endpoint("127.0.0.1", "anonymous", true)).unwrap();
    assert!(anonymous.ping().await.unwrap_err().is_engine_gone());
    // Plain text to a TLS port, and TLS to a plain one.
    let plain = Docker::connect(&Endpoint::new(format!("tcp://127.0.0.1:{}", proxy.port))).unwrap();
    assert!(plain.ping().await.unwrap_err().is_engine_gone());
}

#[test]
fn certificates_that_cannot_be_used() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let connect = |cert_path: Option<&Path>, tls_verify| {
        let endpoint = Endpoint {
            cert_path: cert_path.map(Path::to_owned),
            tls_verify,
            ..Endpoint::new("tcp://127.0.0.1")
        };
        Docker::connect(&endpoint)
            .map(drop)
            .map_err(|err| chain(&err))
    };
    let error = connect(None, true).unwrap_err();
    assert!(error.contains("DOCKER_CERT_PATH"), "{error}");
    let error = connect(Some(directory.path()), true).unwrap_err();
    assert!(error.contains("ca.pem: No such file"), "{error}");
    connect(Some(directory.path()), false).unwrap();
    std::fs::write(path("ca.pem"), "nothing").unwrap();
    let error = connect(Some(directory.path()), true).unwrap_err();
    assert!(error.contains("ca.pem: it holds no certificate"), "{error}");
    std::fs::write(path("cert.pem"), "nothing").unwrap();
    let error = connect(Some(directory.path()), false).unwrap_err();
    assert!(
        error.contains("cert.pem: it holds no certificate"),
        "{error}"
    );
    std::fs::write(path("key.pem"), "nothing").unwrap();
    assert!(connect(Some(directory.path()), false).is_err());
}
