//! What becomes of clients and containers when the server is told to stop.

use std::process::Command;

use dogi_testkit::{proc, silent, wait};
use reqwest::Response;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{Dogi, Repos, cli, containers, encode};

fn send(signal: &str, process: u32) {
    let mut command = Command::new("kill");
    proc::run(command.args([signal, &process.to_string()]), "procps").expect("kill works");
}

async fn read_until(response: &mut Response, text: &str) {
    let mut all = Vec::new();
    while !String::from_utf8_lossy(&all).contains(text) {
        let chunk = response.chunk().await.expect("it streams");
        all.extend_from_slice(&chunk.expect("not over"));
    }
}

/// Whether a container runs, as Docker says.
fn runs(container: &str) -> bool {
    let mut inspect = Command::new("docker");
    inspect.args(["inspect", "--format", "{{.State.Running}}", container]);
    let said = proc::run(&mut inspect, "docker.io").expect("it is there");
    said == b"true\n"
}

fn remove(containers: &[String]) {
    let mut remove = Command::new("docker");
    remove.args(["rm", "--force"]).args(containers);
    proc::run(&mut remove, "docker.io").expect("removed");
}

#[tokio::test]
async fn a_stop_cuts_streams_off_after_the_grace_time_and_leaves_containers_alone() {
    let (_repos, path) = Repos::one("").await;
    let mut dogi = Dogi::with(&[("BYPASS_SIGNATURES", "true"), ("STOP_GRACE", "1s")]).await;
    let run = |id: &str, more: &str| {
        let script = encode("echo begun; sleep 600");
        format!("{path}?action=run&id={id}&tty=false&bashc={script}{more}")
    };
    let mut plain = dogi.open(&run("plain", "")).await;
    let mut attached = dogi.open(&run("attached", "&attach=1")).await;
    let events = dogi.request("GET", &format!("{path}?id=plain"));
    let mut events = dogi
        .send(events.header("accept", "text/event-stream"))
        .await;
    for stream in [&mut plain, &mut attached, &mut events] {
        read_until(stream, "begun").await;
    }
    // A connection that was used and is kept: it has nothing to finish.
    let mut idle = TcpStream::connect(dogi.address).await.expect("it accepts");
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: dogi\r\n\r\n")
        .await
        .expect("sent");
    let mut answer = [0; 15];
    idle.read_exact(&mut answer).await.expect("answered");
    assert_eq!(&answer, b"HTTP/1.1 200 OK");

    send("-TERM", dogi.process.id());
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.expect("closed in order");
    let code = dogi.process.ended_by_itself().await.expect("it ends");
    assert_eq!(code, Some(0), "{}", dogi.process.output());
    for (name, stream) in [("plain", plain), ("attached", attached), ("events", events)] {
        // Without a last chunk: whoever follows knows that there is more.
        let rest = stream.text().await;
        assert!(rest.is_err(), "{name}: {rest:?}");
    }
    let left = containers(&dogi.namespace);
    assert_eq!(left.len(), 2, "the attached one too");
    assert!(left.iter().all(|container| runs(container)));
    remove(&left);
}

#[tokio::test]
async fn an_answer_that_ends_within_the_grace_time_is_complete() {
    let (_repos, path) = Repos::one("").await;
    let mut dogi = Dogi::with(&[("BYPASS_SIGNATURES", "true"), ("STOP_GRACE", "1h")]).await;
    let script = encode("echo begun; while ! test -e /go; do sleep 0.1; done; echo over");
    let mut stream = dogi
        .open(&format!("{path}?action=run&tty=false&bashc={script}"))
        .await;
    read_until(&mut stream, "begun").await;
    send("-INT", dogi.process.id());
    wait::until("the listener to close", || async {
        TcpStream::connect(dogi.address)
            .await
            .is_err()
            .then_some(())
    })
    .await
    .expect("it stops accepting");
    gc_is_told_that_it_stops(&dogi).await;
    let container = containers(&dogi.namespace).pop().expect("it runs");
    let mut go = Command::new("docker");
    proc::run(go.args(["exec", &container, "touch", "/go"]), "docker.io").expect("exec works");
    let rest = stream.text().await.expect("complete");
    assert!(rest.ends_with("over\n"), "{rest}");
    let code = dogi.process.ended_by_itself().await.expect("it ends");
    assert_eq!(code, Some(0), "{}", dogi.process.output());
}

/// It holds its directory, and takes no commands any more.
async fn gc_is_told_that_it_stops(dogi: &Dogi) {
    let socket = dogi.data_dir().join("control.sock");
    wait::until("the socket to close", || async {
        (!socket.exists()).then_some(())
    })
    .await
    .expect("it takes no commands any more");
    let data = dogi.data_dir().display().to_string();
    let output = cli(&[("DATA_DIR", &data)], &["gc"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{told}");
    assert!(told.contains("starts or stops"), "{told}");
}

#[tokio::test]
async fn a_clone_that_waits_does_not_hold_up_the_end() {
    let silent = silent::Server::start().await.expect("it listens");
    let mut dogi = Dogi::with(&[("BYPASS_SIGNATURES", "true"), ("STOP_GRACE", "1s")]).await;
    let address = silent.address();
    let _stream = dogi
        .open(&format!("/http/{address}/o/r.git?action=run"))
        .await;
    silent.wait_for_connections(1).await.expect("it clones");
    send("-TERM", dogi.process.id());
    let code = dogi.process.ended_by_itself().await.expect("it ends");
    assert_eq!(code, Some(0), "{}", dogi.process.output());
}

#[tokio::test]
async fn a_second_signal_ends_the_process_where_it_stands() {
    let (_repos, path) = Repos::one("").await;
    for (first, second) in [("-TERM", "-TERM"), ("-INT", "-TERM"), ("-TERM", "-INT")] {
        let mut dogi = Dogi::with(&[("BYPASS_SIGNATURES", "true"), ("STOP_GRACE", "1h")]).await;
        let script = encode("echo begun; sleep 600");
        let mut stream = dogi
            .open(&format!("{path}?action=run&tty=false&bashc={script}"))
            .await;
        read_until(&mut stream, "begun").await;
        send(first, dogi.process.id());
        wait::until("the listener to close", || async {
            TcpStream::connect(dogi.address)
                .await
                .is_err()
                .then_some(())
        })
        .await
        .expect("it stops accepting");
        assert!(dogi.process.is_running(), "the response may finish");
        send(second, dogi.process.id());
        let code = dogi.process.ended_by_itself().await.expect("it ends");
        assert_eq!(code, Some(130), "{first} {second}");
        let left = containers(&dogi.namespace);
        assert_eq!(left.len(), 1, "it goes on");
        assert!(runs(&left[0]));
        remove(&left);
    }
}
