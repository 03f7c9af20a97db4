//! `dogi tail` against a server that is there, goes away, and says no.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use dogi::cli::{self, Console, Exit};
use dogi::config::Environment;
use dogi_job::FailureKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cli::Shared;
use crate::server::{RUN, Server};
use crate::within;

/// A `dogi tail` on a thread of its own.
struct Tail {
    out: Shared,
    err: Shared,
    exit: JoinHandle<Exit>,
}

impl Tail {
    fn start(url: String, env: &[(&str, &str)]) -> Self {
        let (out, err) = (Shared::default(), Shared::default());
        let mut console = Console::new(out.clone(), err.clone());
        let env: Environment = env.iter().copied().collect();
        let args = ["dogi", "tail", &url].map(OsString::from);
        let exit = tokio::task::spawn_blocking(move || cli::main(args, &env, &mut console));
        Self { out, err, exit }
    }

    /// Exit, standard output, standard error.
    async fn end(self) -> (Exit, String, String) {
        let exit = within(self.exit).await.expect("no panic");
        (exit, self.out.text(), self.err.text())
    }

    async fn printed(&self, text: &str) {
        within(async {
            while !self.out.text().contains(text) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

fn url(addr: SocketAddr, target: &str) -> String {
    format!("http://{addr}{target}")
}

#[tokio::test]
async fn a_tail_ends_with_the_job_s_exit_code() {
    let server = Server::start().await;
    for (id, code, exit) in [("a", 0, Exit::Success), ("b", 3, Exit::Job(3))] {
        let target = format!("{RUN}?action=run&output=file_data&file_data=/d&id={id}");
        let tail = Tail::start(url(server.addr, &target), &[]);
        let container = server.theatre.container().await;
        container
            .file("data", vec![0xff, b'\n'])
            .file("data", "last");
        container.end(code);
        let printed = tail.out.clone();
        let (ended, _, err) = tail.end().await;
        assert_eq!(ended, exit);
        assert_eq!(printed.bytes(), b"\xff\nlast", "the exact bytes");
        assert_eq!(
            err.contains("Execution failed with code 3"),
            code == 3,
            "{err}"
        );
    }
}

#[tokio::test]
async fn a_job_that_waits_tells_its_place_in_the_queue() {
    let server = Server::with(&[("BYPASS_SIGNATURES", "true"), ("MAX_RUNNING", "1")]).await;
    let (running, _, _first) = server.run(&format!("{RUN}?action=run"), &[]).await;
    let waits = url(server.addr, &format!("{RUN}?action=run&id=waits"));
    let tail = Tail::start(waits, &[]);
    within(async {
        while !tail.err.text().contains("dogi: queued, number 1 in line\n") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    running.end(0);
    server.theatre.container().await.print("its turn").end(0);
    let (exit, out, _) = tail.end().await;
    assert_eq!((exit, out.as_str()), (Exit::Success, "its turn"));
}

#[tokio::test]
async fn refusals_are_told() {
    let variables = [
        ("SIGNATURES_SECRET", "very secret"),
        ("DOGI_TOKEN", "operator-token"),
    ];
    let server = Server::with(&variables).await;
    let (exit, out, err) = Tail::start(url(server.addr, RUN), &[]).end().await;
    assert_eq!((exit, out.as_str()), (Exit::Unavailable, ""));
    assert!(err.contains("not signed"), "{err}");
    let token = [("DOGI_TOKEN", "operator-token")];
    let (exit, _, err) = Tail::start(url(server.addr, RUN), &token).end().await;
    assert_eq!(exit, Exit::Unavailable);
    assert!(err.contains("nothing has run"), "{err}");
    let bad = format!("{RUN}?action=fly");
    let (exit, _, err) = Tail::start(url(server.addr, &bad), &token).end().await;
    assert_eq!(exit, Exit::Usage);
    assert!(err.contains("`action`"), "{err}");
    server
        .theatre
        .checkouts_fail(FailureKind::Source, "there is no such repository");
    let failing = format!("{RUN}?action=run&output=file_a&file_a=/a");
    let (exit, _, err) = Tail::start(url(server.addr, &failing), &token).end().await;
    assert_eq!(exit, Exit::NotRun);
    assert!(err.contains("no such repository"), "{err}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("bound");
    drop(listener);
    let (exit, _, err) = Tail::start(url(addr, RUN), &[]).end().await;
    assert_eq!(exit, Exit::Unavailable);
    assert!(err.contains("127.0.0.1"), "{err}");
    let (exit, _, err) = Tail::start("not a url".to_owned(), &[]).end().await;
    assert_eq!(exit, Exit::Usage);
    assert!(err.contains("is no URL"), "{err}");
}

/// Passes bytes on until told to cut every connection that there is.
struct Relay {
    addr: SocketAddr,
    cuts: watch::Sender<u32>,
    connections: Arc<Mutex<u32>>,
}

impl Relay {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("bound");
        let (cuts, cut) = watch::channel(0);
        let connections = Arc::new(Mutex::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                *count.lock().expect("not poisoned") += 1;
                tokio::spawn(relay(client, server, cut.clone()));
            }
        });
        Self {
            addr,
            cuts,
            connections,
        }
    }

    fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

async fn relay(mut client: TcpStream, server: SocketAddr, mut cut: watch::Receiver<u32>) {
    cut.mark_unchanged();
    let mut server = TcpStream::connect(server)
        .await
        .expect("the server is there");
    let (mut up, mut down) = ([0; 4096], [0; 4096]);
    loop {
        let passed = tokio::select! {
            _ = cut.changed() => return,
            Ok(n) = client.read(&mut up) => server.write_all(&up[..n]).await.map(|()| n),
            Ok(n) = server.read(&mut down) => client.write_all(&down[..n]).await.map(|()| n),
        };
        if passed.is_ok_and(|n| n > 0) {
            continue;
        }
        return;
    }
}

#[tokio::test]
async fn a_broken_connection_is_taken_up_where_it_broke() {
    let server = Server::start().await;
    let relay = Relay::to(server.addr).await;
    let target = format!("{RUN}?action=restart&output=file_data&file_data=/d");
    let tail = Tail::start(url(relay.addr, &target), &[]);
    let container = server.theatre.container().await;
    container.file("data", "one;");
    tail.printed("one;").await;
    relay.cut();
    container.file("data", "two;");
    tail.printed("two;").await;
    relay.cut();
    container.file("data", "three").end(0);
    let (exit, out, err) = tail.end().await;
    assert_eq!((exit, out.as_str()), (Exit::Success, "one;two;three"));
    assert!(err.contains("connecting again"), "{err}");
    assert!(*relay.connections.lock().expect("not poisoned") >= 2);
    let runs = server.get("/runs").await.json();
    assert_eq!(
        runs["runs"].as_array().map(Vec::len),
        Some(1),
        "restart restarted once"
    );
}

#[tokio::test]
async fn an_output_url_can_be_followed_too() {
    let server = Server::start().await;
    let (container, run, _client) = server.run(&format!("{RUN}?action=run"), &[]).await;
    let outputs = server.get("/outputs").await.json();
    let latest = outputs["outputs"][0]["outputs"]["log"]["url"]
        .as_str()
        .expect("a URL")
        .to_owned();
    let tails = [latest, format!("/runs/{run}/log")]
        .map(|target| Tail::start(url(server.addr, &target), &[]));
    container.print("so far;");
    for tail in &tails {
        tail.printed("so far;").await;
    }
    container.print("and more").end(1);
    for tail in tails {
        let (exit, out, _) = tail.end().await;
        assert_eq!(exit, Exit::Job(1));
        assert!(out.contains("so far;and more"), "{out}");
    }
}
