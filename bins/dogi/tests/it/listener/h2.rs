//! What only clients of HTTP/2 can do.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinHandle;

use super::{PATIENCE, Server, short, within};

type SendRequest = hyper::client::conn::http2::SendRequest<Empty<Bytes>>;

/// Over HTTP/2 a client can refuse an answer without the socket ever being full.
async fn http2(server: &Server, window: u32) -> (SendRequest, JoinHandle<()>) {
    let io = TokioIo::new(server.connect().await);
    let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(window)
        .handshake(io)
        .await
        .expect("HTTP/2");
    let ended = tokio::spawn(async {
        // A close and a reset are both an end.
        let _ = connection.await;
    });
    (sender, ended)
}

async fn asked(sender: &mut SendRequest, path: &str) -> Response<Incoming> {
    let request = Request::get(format!("http://x{path}")).body(Empty::new());
    let answer = sender.send_request(request.expect("a request"));
    within(answer).await.expect("the head of an answer")
}

#[tokio::test]
async fn a_client_that_opens_no_window_ends_at_the_stall_limit() {
    let server = Server::start(short()).await;
    let (mut sender, ended) = http2(&server, 0).await;
    let _stuck = asked(&mut sender, "/").await;
    within(ended).await.expect("no panic");
    server.assert_unharmed().await;
}

#[tokio::test]
async fn a_silent_response_over_http2_outlives_the_stall_limit() {
    let server = Server::start(short()).await;
    let (mut sender, _connection) = http2(&server, 1 << 16).await;
    let mut body = asked(&mut sender, "/feed").await.into_body();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    server.feed.send("late").expect("the feed is read");
    let frame = within(body.frame()).await.expect("not over").expect("open");
    assert_eq!(frame.into_data().ok().as_deref(), Some(&b"late"[..]));
    drop((body, sender));
    server.assert_unharmed().await;
}

#[tokio::test]
async fn clients_that_only_ping_are_dropped() {
    let server = Server::start(short()).await;
    let mut client = server.sent("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    let settings = b"\0\0\0\x04\0\0\0\0\0";
    client.write_all(settings).await.expect("open");
    let began = tokio::time::Instant::now();
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    let ping = b"\0\0\x08\x06\0\0\0\0\0pingpong";
    while client.write_all(ping).await.is_ok() {
        tick.tick().await;
        assert!(began.elapsed() < PATIENCE / 4, "still open");
    }
    server.assert_unharmed().await;
}
