//! A `dogi serve` of the test's own.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

use dogi_testkit::proc::{self, Process};
use tempfile::TempDir;

use super::http::{self, Answer, RawAnswer};

/// The `dogi` program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_dogi");

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A running server; killed when dropped.
#[derive(Debug)]
pub(crate) struct Dogi {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) namespace: String,
    pub(crate) data: TempDir,
    client: reqwest::Client,
    variables: Vec<(String, String)>,
}

impl Dogi {
    /// A server that needs no signatures.
    pub(crate) async fn start() -> Self {
        Self::with(&[("BYPASS_SIGNATURES", "true")]).await
    }

    /// A server with these variables and nothing else in its environment that concerns it.
    pub(crate) async fn with(variables: &[(&str, &str)]) -> Self {
        let port = proc::free_port().expect("a port is free");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let namespace = unique();
        let data = tempfile::tempdir().expect("a temporary directory");
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<Vec<_>>();
        let process = serve(address, &namespace, &data, &variables).await;
        let client = client();
        Self {
            process,
            address,
            namespace,
            data,
            client,
            variables,
        }
    }

    /// Kills the server, as a crash does, and starts it again on the same data.
    pub(crate) async fn crash(&mut self) {
        self.process.kill();
        self.process = serve(self.address, &self.namespace, &self.data, &self.variables).await;
    }

    pub(crate) fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    /// Sends a GET and returns when the head of the answer is there.
    pub(crate) async fn open(&self, target: &str) -> reqwest::Response {
        self.send(self.request("GET", target)).await
    }

    /// Sends a GET and reads the whole answer.
    pub(crate) async fn get(&self, target: &str) -> Answer {
        Answer::read(self.open(target).await).await
    }

    /// A request to be filled in.
    pub(crate) fn request(&self, method: &str, target: &str) -> reqwest::RequestBuilder {
        let method = method.parse().expect("a method");
        self.client.request(method, self.url(target))
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> reqwest::Response {
        match request.send().await {
            Ok(response) => response,
            Err(error) => panic!("{error:?}: {}", self.process.output()),
        }
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn ask(&self, request: reqwest::RequestBuilder) -> Answer {
        Answer::read(self.send(request).await).await
    }

    /// Sends a GET with these fields by hand and returns the answer as it came.
    pub(crate) async fn raw_get(&self, target: &str, fields: &[&str]) -> RawAnswer {
        let fields: String = fields.iter().map(|field| format!("\r\n{field}")).collect();
        http::raw(self.address, &format!("GET {target} HTTP/1.1{fields}")).await
    }
}

async fn serve(
    address: SocketAddr,
    namespace: &str,
    data: &TempDir,
    variables: &[(String, String)],
) -> Process {
    let mut command = Command::new(PROGRAM);
    command
        .arg("serve")
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", data.path())
        .env("LISTEN", address.to_string())
        .env("DATA_DIR", data.path().join("data"))
        .env("NAMESPACE", namespace)
        .env("EGRESS_ALLOW", "loopback")
        .envs(variables.iter().map(|(name, value)| (name, value)));
    let mut process = Process::spawn(&mut command, "none: it is dogi itself").expect("it starts");
    if let Err(error) = process.listening(address).await {
        panic!("{error}: {}", process.output());
    }
    process
}

fn client() -> reqwest::Client {
    let tls = rustls::ClientConfig::builder_with_provider(
        rustls::crypto::ring::default_provider().into(),
    )
    .with_safe_default_protocol_versions()
    .expect("ring knows the versions")
    .with_root_certificates(rustls::RootCertStore::empty())
    .with_no_client_auth();
    reqwest::Client::builder()
        .no_proxy()
        .tls_backend_preconfigured(tls)
        .build()
        .expect("a client can be built")
}

/// A namespace that no other test has.
fn unique() -> String {
    static COUNTER: AtomicUsize = AtomicUsize::new(0);
    format!(
        "e2e{}x{}",
        std::process::id(),
        COUNTER.fetch_add(1, Ordering::Relaxed)
    )
}

/// Runs `dogi` with these variables and arguments, and nothing else in its environment that
/// concerns it, to its end.
pub(crate) fn cli(variables: &[(&str, &str)], arguments: &[&str]) -> std::process::Output {
    let home = tempfile::tempdir().expect("a temporary directory");
    Command::new(PROGRAM)
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", home.path())
        .env("DATA_DIR", home.path().join("data"))
        .envs(variables.iter().copied())
        .output()
        .expect("dogi starts")
}
