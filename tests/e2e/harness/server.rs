//! A `dogi serve` of the test's own, and its lives.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use dogi_testkit::{proc::Process, wait};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{
    docker,
    http::{self, Answer, RawAnswer},
};

/// The `dogi` program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_dogi");

/// Where programs are looked for.
pub(crate) const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How often is looked for containers of a server that was killed.
const LOOKS: usize = 10;

/// How long a start may take, with what an earlier life left to be taken up.
const TO_START: Duration = Duration::from_secs(60);

/// A running server; killed when dropped.
#[derive(Debug)]
pub(crate) struct Dogi {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) namespace: String,
    pub(crate) data: TempDir,
    /// The processes of earlier lives, which have ended.
    before: Vec<Process>,
    variables: Vec<(String, String)>,
    client: reqwest::Client,
}

impl Dogi {
    /// A server that needs no signatures.
    pub(crate) async fn start() -> Self {
        Self::with(&[("BYPASS_SIGNATURES", "true")]).await
    }

    /// A server with these variables and nothing else in its environment that concerns it.
    pub(crate) async fn with(variables: &[(&str, &str)]) -> Self {
        let number = number();
        let namespace = format!("e2e{}x{number}", std::process::id());
        let data = tempfile::tempdir().expect("a temporary directory");
        let address = own_address(number);
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut dogi = Self {
            process: spawn(address, &namespace, &data, &variables),
            address,
            namespace,
            data,
            before: Vec::new(),
            variables,
            client: client(),
        };
        dogi.listening().await;
        dogi
    }

    /// Ends the process by SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Asks the process to stop, as an operator does, and waits until it has. Returns its exit
    /// code.
    pub(crate) async fn terminate(&mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        match self.process.ended_by_itself().await {
            Ok(code) => code,
            Err(error) => panic!("{error}: {}", self.process.output()),
        }
    }

    /// Sends the process a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.process.id());
        let id = id.ok().and_then(Pid::from_raw);
        kill_process(id.expect("a process has an id"), signal).expect("it runs");
    }

    /// Begins another life in the same place, and does not wait until it answers.
    pub(crate) fn begin_again(&mut self) {
        self.process.kill();
        let next = spawn(self.address, &self.namespace, &self.data, &self.variables);
        self.before.push(std::mem::replace(&mut self.process, next));
    }

    /// Another life in the same place.
    pub(crate) async fn restart(&mut self) {
        self.begin_again();
        self.listening().await;
    }

    /// Waits until the process accepts connections.
    pub(crate) async fn listening(&mut self) {
        let up = async {
            while let Err(error) = self.process.listening(self.address).await {
                assert!(
                    self.process.is_running(),
                    "{error}: {}",
                    self.process.output()
                );
            }
        };
        let up = tokio::time::timeout(TO_START, up).await;
        assert!(up.is_ok(), "it does not start: {}", self.process.output());
    }

    /// Where it keeps everything.
    pub(crate) fn data_dir(&self) -> PathBuf {
        let named = self.variables.iter().find(|(name, _)| name == "DATA_DIR");
        named.map_or_else(|| self.data.path().join("data"), |(_, path)| path.into())
    }

    /// By which name Docker's things are told to be this server's.
    pub(crate) fn server_id(&self) -> String {
        let id = std::fs::read_to_string(self.data_dir().join("server-id"));
        id.expect("it has a name").trim().to_owned()
    }

    /// A client for followers that outlive a life of the server.
    pub(crate) fn client(&self) -> reqwest::Client {
        self.client.clone()
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

    /// Ends the process and all its jobs, those that wait too.
    pub(crate) fn discard(mut self) {
        self.process.kill();
        // A container that the engine was making just then comes a little later.
        for _ in 0..LOOKS {
            docker::remove_containers(&self.namespace);
        }
    }

    /// Waits until nothing is queued or under way any more.
    pub(crate) async fn idle(&self, limit: Duration) {
        let what = "all jobs to end";
        let idle = wait::within(limit, what, || async {
            let jobs = self.get("/jobs").await.json();
            let none = jobs["jobs"]
                .as_object()
                .is_some_and(serde_json::Map::is_empty);
            none.then_some(())
        });
        if let Err(error) = idle.await {
            panic!("{error}: {:#}", self.get("/jobs").await.json());
        }
    }
}

impl Drop for Dogi {
    #[expect(
        clippy::print_stderr,
        reason = "what a failed test needs to be understood"
    )]
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        self.process.kill();
        for (life, process) in self.before.iter().chain([&self.process]).enumerate() {
            eprintln!(
                "--- life {life} of {}:\n{}",
                self.namespace,
                process.output()
            );
        }
        let host = self
            .variables
            .iter()
            .find(|(name, _)| name == "DOCKER_HOST");
        if host.is_none() {
            // The next test is not to suffer from what a failed one left.
            docker::remove_containers(&self.namespace);
        }
    }
}

fn spawn(
    address: SocketAddr,
    namespace: &str,
    data: &TempDir,
    variables: &[(String, String)],
) -> Process {
    let mut command = Command::new(PROGRAM);
    command
        .arg("serve")
        .env_clear()
        .env("PATH", SEARCH_PATH)
        .env("HOME", data.path())
        .env("LISTEN", address.to_string())
        .env("DATA_DIR", data.path().join("data"))
        .env("NAMESPACE", namespace)
        .env("EGRESS_ALLOW", "loopback")
        .envs(variables.iter().map(|(name, value)| (name, value)));
    Process::spawn(&mut command, "none: it is dogi itself").expect("it starts")
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

/// A number that no other server of this process has.
fn number() -> u16 {
    static COUNTER: AtomicUsize = AtomicUsize::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    u16::try_from(number).expect("no test starts so many servers")
}

/// An address that nobody else takes while a server that is to come back is away: processes have
/// one of the loopback addresses each, and connections that are opened come from 127.0.0.1.
fn own_address(number: u16) -> SocketAddr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let address = Ipv4Addr::new(127, 64 | (high & 63), middle, low);
    SocketAddr::from((address, 20_000 + number))
}

/// An address for a server that no other test has.
pub(crate) fn fresh_address() -> SocketAddr {
    own_address(number())
}

/// Runs `dogi` with these variables and arguments, and nothing else in its environment that
/// concerns it, to its end.
pub(crate) fn cli(variables: &[(&str, &str)], arguments: &[&str]) -> std::process::Output {
    let home = tempfile::tempdir().expect("a temporary directory");
    Command::new(PROGRAM)
        .args(arguments)
        .env_clear()
        .env("PATH", SEARCH_PATH)
        .env("HOME", home.path())
        .env("DATA_DIR", home.path().join("data"))
        .envs(variables.iter().copied())
        .output()
        .expect("dogi starts")
}
