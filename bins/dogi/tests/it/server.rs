//! The whole server over puppets, in-process, and a client that hides nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use dogi::config::{Environment, Flags, Purpose, Settings};
use dogi::{App, Metrics};
use dogi_engine::EngineConfig;
use dogi_job::AdmissionLimits;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::fake::{Container, Theatre};
use crate::within;

/// The path of a run URL that is not signed.
pub(crate) const RUN: &str = "/https/github.com/o/r.git";

pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) theatre: Theatre,
    pub(crate) engine: dogi_engine::Engine,
    pub(crate) stop: CancellationToken,
    pub(crate) task: tokio::task::JoinHandle<()>,
    _data: TempDir,
    _stop_at_the_end: DropGuard,
}

impl Server {
    /// A server that needs no signatures.
    pub(crate) async fn start() -> Self {
        Self::with(&[("BYPASS_SIGNATURES", "true")]).await
    }

    pub(crate) async fn with(variables: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().expect("a temporary directory");
        let dir = data.path().to_str().expect("UTF-8");
        let fixed = [("LISTEN", "127.0.0.1:0"), ("DATA_DIR", dir)];
        let env: Environment = fixed.iter().chain(variables).copied().collect();
        let settings = Settings::load(&Flags::new(), &env, Purpose::Serve).expect("good settings");
        let mut config = EngineConfig::new(data.path());
        config.admission = AdmissionLimits {
            running: settings.jobs.max_running,
            queued: settings.jobs.max_queued,
        };
        config.ceilings.timeout = settings.jobs.timeout;
        config.ceilings.memory = settings.jobs.memory;
        config.min_free_bytes = settings.storage.min_free_bytes;
        let metrics = Metrics::new();
        let (engine, theatre) = Theatre::engine(config, &metrics).await;
        let app = App::with_engine(&settings, engine.clone(), metrics)
            .await
            .expect("it can be built");
        let addr = app.local_addr().expect("it listens");
        let stop = CancellationToken::new();
        let task = tokio::spawn(app.serve(stop.clone()));
        let _stop_at_the_end = stop.clone().drop_guard();
        Self {
            addr,
            theatre,
            engine,
            stop,
            task,
            _data: data,
            _stop_at_the_end,
        }
    }

    /// Sends a request by hand and returns its connection.
    pub(crate) async fn send(&self, method: &str, target: &str, fields: &[&str]) -> Client {
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        let text = format!("{method} {target} HTTP/1.1\r\nhost: dogi\r\n{fields}\r\n");
        self.send_text(&text).await
    }

    pub(crate) async fn send_text(&self, text: &str) -> Client {
        let mut stream = TcpStream::connect(self.addr)
            .await
            .expect("the server accepts");
        stream
            .write_all(text.as_bytes())
            .await
            .expect("a request is small");
        Client {
            stream,
            bytes: Vec::new(),
        }
    }

    /// The whole answer to a request.
    pub(crate) async fn ask(&self, method: &str, target: &str, fields: &[&str]) -> Answer {
        let mut all = fields.to_vec();
        all.push("connection: close");
        self.send(method, target, &all).await.answer().await
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &[]).await
    }

    pub(crate) async fn post(&self, target: &str, content_type: &str, body: &str) -> Answer {
        let text = format!(
            "POST {target} HTTP/1.1\r\nhost: dogi\r\nconnection: close\r\n\
             content-type: {content_type}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.send_text(&text).await.answer().await
    }

    /// Starts a job and returns its container, its run and the connection that asked.
    pub(crate) async fn run(&self, target: &str, fields: &[&str]) -> (Container, String, Client) {
        let mut client = self.send("GET", target, fields).await;
        let container = self.theatre.container().await;
        let head = client.head().await;
        (container, head.header("dogi-run").to_owned(), client)
    }
}

/// A connection with one request on it.
pub(crate) struct Client {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Client {
    /// Reads until the head of the answer is there.
    pub(crate) async fn head(&mut self) -> Answer {
        self.until("\r\n\r\n").await;
        Answer::parse(&self.bytes)
    }

    /// Reads until a text has come.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        let mut buf = [0; 4096];
        while !String::from_utf8_lossy(&self.bytes).contains(text) {
            let n = within(self.stream.read(&mut buf)).await.expect("readable");
            assert_ne!(
                n,
                0,
                "ended after {:?}",
                String::from_utf8_lossy(&self.bytes)
            );
            self.bytes.extend_from_slice(&buf[..n]);
        }
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// Reads to the end of the answer.
    pub(crate) async fn answer(mut self) -> Answer {
        let mut buf = [0; 4096];
        loop {
            let answer = Answer::try_parse(&self.bytes);
            match within(self.stream.read(&mut buf)).await {
                Ok(0) | Err(_) => return Answer::parse(&self.bytes),
                Ok(n) => self.bytes.extend_from_slice(&buf[..n]),
            }
            let complete = Answer::try_parse(&self.bytes).is_some_and(|answer| answer.complete);
            if complete && answer.is_none_or(|answer| !answer.header("connection").eq("close")) {
                return Answer::parse(&self.bytes);
            }
        }
    }
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: BTreeMap<String, String>,
    /// Whether all of the body came.
    pub(crate) complete: bool,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        Self::try_parse(bytes)
            .unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)))
    }

    fn try_parse(bytes: &[u8]) -> Option<Self> {
        let split = find(bytes, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..split]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = fields(lines);
        let rest = &bytes[split + 4..];
        let chunked = headers
            .get("transfer-encoding")
            .is_some_and(|coding| coding == "chunked");
        let (body, trailers, complete) = match chunked {
            true => chunks(rest),
            false => {
                let length = headers
                    .get("content-length")
                    .and_then(|length| length.parse().ok());
                let complete = length.is_none_or(|length: usize| rest.len() >= length);
                (rest.to_vec(), BTreeMap::new(), complete)
            }
        };
        Some(Self {
            status,
            headers,
            body,
            trailers,
            complete,
        })
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: no JSON: {}", self.text()))
    }

    /// The detail of a problem of this status.
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let json = self.json();
        assert_eq!(json["status"], status);
        json["detail"].as_str().expect("a detail").to_owned()
    }
}

fn chunks(mut rest: &[u8]) -> (Vec<u8>, BTreeMap<String, String>, bool) {
    let mut body = Vec::new();
    while let Some(end) = find(rest, b"\r\n") {
        let size = usize::from_str_radix(&String::from_utf8_lossy(&rest[..end]), 16);
        let size = size.expect("the size of a chunk");
        rest = &rest[end + 2..];
        if size == 0 {
            let text = String::from_utf8_lossy(rest).into_owned();
            let complete = text.ends_with("\r\n\r\n") || text == "\r\n";
            return (body, fields(text.split("\r\n")), complete);
        }
        if rest.len() < size + 2 {
            break;
        }
        body.extend_from_slice(&rest[..size]);
        rest = &rest[size + 2..];
    }
    (body, BTreeMap::new(), false)
}

fn fields<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<String, String> {
    lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect()
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
