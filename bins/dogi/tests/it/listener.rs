//! The listener against clients that misbehave, over real sockets.

mod h2;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use dogi::listen::{Activity, Handler, Limits, Listener};
use futures::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

type TestBody = UnsyncBoxBody<Bytes, Infallible>;

/// `/` answers at once; `/endless` sends until it is dropped; `/feed` sends what the test says,
/// `/attached` too, but minds the end of the client; `/body` answers with its body's length.
#[derive(Clone, Default)]
pub(crate) struct Routes {
    feed: Arc<tokio::sync::Mutex<Option<mpsc::UnboundedReceiver<&'static str>>>>,
    dropped: Arc<Notify>,
    sent: Arc<AtomicUsize>,
}

struct OnDrop(Arc<Notify>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Handler for Routes {
    type Body = TestBody;
    type Error = Infallible;

    async fn handle(&self, request: Request<Incoming>) -> Response<TestBody> {
        let activity = Arc::clone(
            request
                .extensions()
                .get::<Arc<Activity>>()
                .expect("put there"),
        );
        let body = match request.uri().path() {
            "/endless" => {
                let chunk = Bytes::from(vec![b'x'; 64 << 10]);
                let state = (OnDrop(Arc::clone(&self.dropped)), Arc::clone(&self.sent));
                StreamBody::new(stream::unfold(state, move |state| {
                    let chunk = chunk.clone();
                    async move {
                        state.1.fetch_add(chunk.len(), Ordering::Relaxed);
                        Some((Ok(Frame::data(chunk)), state))
                    }
                }))
                .boxed_unsync()
            }
            path @ ("/feed" | "/attached") => {
                let guard = (path == "/attached").then(|| activity.watch_eof());
                let feed = self
                    .feed
                    .lock()
                    .await
                    .take()
                    .expect("one reader of the feed");
                let state = (feed, guard, OnDrop(Arc::clone(&self.dropped)));
                StreamBody::new(stream::unfold(state, |mut state| async move {
                    let text = state.0.recv().await?;
                    Some((Ok(Frame::data(Bytes::from_static(text.as_bytes()))), state))
                }))
                .boxed_unsync()
            }
            "/body" => {
                let _guard = activity.watch_eof();
                let length = match request.into_body().collect().await {
                    Ok(body) => body.to_bytes().len().to_string(),
                    Err(_) => {
                        self.dropped.notify_one();
                        "broken".to_owned()
                    }
                };
                Full::from(length).boxed_unsync()
            }
            _ => Full::from("hello\n").boxed_unsync(),
        };
        Response::new(body)
    }
}

struct Server {
    addr: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
    routes: Routes,
    feed: mpsc::UnboundedSender<&'static str>,
}

impl Server {
    async fn start(limits: Limits) -> Self {
        let (feed, receiver) = mpsc::unbounded_channel();
        let routes = Routes::default();
        *routes.feed.lock().await = Some(receiver);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = Listener::bind(any, None, limits)
            .await
            .expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let stop = CancellationToken::new();
        let task = tokio::spawn(listener.serve(routes.clone(), stop.clone()));
        Self {
            addr,
            stop,
            task,
            routes,
            feed,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr)
            .await
            .expect("the server listens")
    }

    async fn sent(&self, request: &str) -> TcpStream {
        let mut client = self.connect().await;
        client
            .write_all(request.as_bytes())
            .await
            .expect("a request is small");
        client
    }

    /// A client that went away is found out by writing: the first write meets its reset, a later
    /// one fails.
    async fn feed_until_dropped(&self) {
        let dropped = self.routes.dropped.notified();
        tokio::pin!(dropped);
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        within(async {
            loop {
                tokio::select! {
                    () = &mut dropped => return,
                    _ = tick.tick() => {
                        let _ = self.feed.send("more");
                    }
                }
            }
        })
        .await;
    }

    /// Everybody else is served: what each of these tests asks at its end.
    async fn assert_unharmed(self) {
        let mut client = self
            .sent("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await;
        let answer = read_to_end(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with("hello\n"), "{answer}");
        self.stop.cancel();
        within(self.task).await.expect("no panic");
    }
}

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("in time")
}

/// What comes until the connection ends, in whatever way it ends.
async fn read_to_end(client: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A reset ends a connection as well as a close does.
    let _ = within(client.read_to_end(&mut text)).await;
    String::from_utf8_lossy(&text).into_owned()
}

async fn read_until(client: &mut TcpStream, wanted: &str) -> String {
    let mut text = String::new();
    let mut buf = [0; 4096];
    while !text.contains(wanted) {
        let n = within(client.read(&mut buf)).await.expect("readable");
        assert_ne!(n, 0, "ended after {text:?}");
        text.push_str(&String::from_utf8_lossy(&buf[..n]));
    }
    text
}

fn short() -> Limits {
    Limits {
        first_request: Duration::from_millis(300),
        keep_alive: Duration::from_millis(300),
        write_stall: Duration::from_millis(500),
        linger: Duration::from_millis(100),
        grace: Duration::from_millis(300),
        ..Limits::default()
    }
}

fn patient() -> Limits {
    Limits {
        linger: Duration::from_millis(100),
        ..Limits::default()
    }
}

#[tokio::test]
async fn clients_that_never_finish_a_request_are_dropped() {
    let cases = [
        ("silent", ""),
        ("half a preface", "PRI * HTTP/2.0\r\n\r\nSM"),
        (
            "a whole preface and no more",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ),
        ("half a request line", "GET /"),
        (
            "headers without end",
            "GET / HTTP/1.1\r\nhost: x\r\nx-a: 1\r\n",
        ),
        ("an idle keep-alive", "GET / HTTP/1.1\r\nhost: x\r\n\r\n"),
        (
            "a second request begun",
            "GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HT",
        ),
    ];
    let server = Server::start(short()).await;
    for (name, bytes) in cases {
        let mut client = server.sent(bytes).await;
        let answer = read_to_end(&mut client).await;
        let answered = answer.starts_with("HTTP/1.1 200 OK");
        assert_eq!(
            answered,
            bytes.contains("\r\nhost: x\r\n\r\n"),
            "{name}: {answer:?}"
        );
    }
    server.assert_unharmed().await;
}

#[tokio::test]
async fn headers_that_trickle_are_dropped() {
    let server = Server::start(short()).await;
    let mut client = server.sent("GET / HTTP/1.1\r\n").await;
    let began = tokio::time::Instant::now();
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    loop {
        tick.tick().await;
        if client.write_all(b"x-a: 1\r\n").await.is_err() {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "still open");
    }
    server.assert_unharmed().await;
}

#[tokio::test]
async fn a_flood_of_silent_connections_gives_way_to_others() {
    let limits = Limits {
        max_connections: 20,
        ..patient()
    };
    let server = Server::start(limits).await;
    let mut flood = Vec::new();
    for _ in 0..200 {
        flood.push(server.connect().await);
    }
    // Nobody has outlived a limit: the first of the flood went for the last.
    assert_eq!(read_to_end(&mut flood[0]).await, "");
    server.assert_unharmed().await;
}

#[tokio::test]
async fn when_all_are_busy_a_new_connection_is_told_so() {
    let limits = Limits {
        max_connections: 1,
        ..patient()
    };
    let server = Server::start(limits).await;
    let mut busy = server.sent("GET /feed HTTP/1.1\r\nhost: x\r\n\r\n").await;
    server.feed.send("one").expect("the feed is read");
    read_until(&mut busy, "one").await;
    let mut refused = server.connect().await;
    let answer = read_to_end(&mut refused).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
    assert!(
        head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
        "{head}"
    );
    assert!(head.contains("\r\nretry-after: 5\r\n"), "{head}");
    assert!(
        head.contains(&format!("content-length: {}", body.len())),
        "{answer}"
    );
    drop(busy);
    server.feed_until_dropped().await;
    server.assert_unharmed().await;
}

#[tokio::test]
async fn a_reader_that_stops_is_bounded_in_memory_and_ends_at_the_stall_limit() {
    let server = Server::start(short()).await;
    let client = server
        .sent("GET /endless HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    within(server.routes.dropped.notified()).await;
    let sent = server.routes.sent.load(Ordering::Relaxed);
    assert!(
        sent < 32 << 20,
        "{sent} bytes were made for a reader that takes none"
    );
    drop(client);
    server.assert_unharmed().await;
}

#[tokio::test]
async fn a_slow_reader_is_not_a_stopped_one() {
    let server = Server::start(short()).await;
    let mut client = server
        .sent("GET /endless HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    let mut buf = vec![0; 512 << 10];
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    // Three times the limit, and never a stall as long as it.
    for _ in 0..15 {
        tick.tick().await;
        assert_ne!(within(client.read(&mut buf)).await.expect("open"), 0);
    }
    drop(client);
    within(server.routes.dropped.notified()).await;
    server.assert_unharmed().await;
}

#[tokio::test]
async fn a_silent_response_outlives_every_limit_of_an_idle_connection() {
    let server = Server::start(short()).await;
    let mut client = server.sent("GET /feed HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut waiting = [0; 4096];
    // Headers come with the first bytes; nothing else may, for longer than each limit.
    let early = tokio::time::timeout(Duration::from_millis(900), async {
        loop {
            assert_ne!(client.read(&mut waiting).await.expect("open"), 0, "closed");
        }
    });
    assert!(early.await.is_err());
    server.feed.send("late").expect("the feed is read");
    read_until(&mut client, "late").await;
    drop(client);
    server.feed_until_dropped().await;
    server.assert_unharmed().await;
}

#[tokio::test]
async fn a_client_that_closes_only_its_writing_half_still_reads() {
    let server = Server::start(patient()).await;
    let mut client = server.sent("GET /feed HTTP/1.1\r\nhost: x\r\n\r\n").await;
    client.shutdown().await.expect("half a close");
    server.feed.send("after").expect("the feed is read");
    read_until(&mut client, "after").await;
    let Server {
        addr,
        stop,
        task,
        routes,
        feed,
    } = server;
    drop(feed);
    let rest = read_to_end(&mut client).await;
    assert!(rest.ends_with("0\r\n\r\n"), "{rest:?}");
    let (feed, _) = mpsc::unbounded_channel();
    Server {
        addr,
        stop,
        task,
        routes,
        feed,
    }
    .assert_unharmed()
    .await;
}

#[tokio::test]
async fn a_request_that_minds_it_ends_with_its_client_at_once() {
    let server = Server::start(patient()).await;
    let client = server
        .sent("GET /attached HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    server.feed.send("one").expect("the feed is read");
    drop(client);
    within(server.routes.dropped.notified()).await;
    server.assert_unharmed().await;
}

#[tokio::test]
async fn a_body_that_ends_early_is_an_error_and_not_a_wait() {
    let server = Server::start(patient()).await;
    let mut client = server
        .sent("POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc")
        .await;
    client.shutdown().await.expect("half a close");
    // Hyper drops the handler or fails its body; either way the connection ends.
    read_to_end(&mut client).await;
    server.assert_unharmed().await;
}

#[tokio::test]
async fn requests_too_long_are_refused_in_words_of_http() {
    let server = Server::start(patient()).await;
    let cases = [
        (
            format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(70_000)),
            "HTTP/1.1 414",
        ),
        (
            format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(10 << 20)),
            "HTTP/1.1 431",
        ),
        (
            "GET / HTTP/1.1\r\nbad header\r\n\r\n".to_owned(),
            "HTTP/1.1 400",
        ),
        ("\u{1}\u{2}\u{3}\r\n\r\n".to_owned(), "HTTP/1.1 400"),
    ];
    for (request, wanted) in cases {
        let client = server.connect().await;
        let (mut reader, mut writer) = client.into_split();
        let writing = tokio::spawn(async move {
            // The server need not read all of it.
            let _ = writer.write_all(request.as_bytes()).await;
            writer
        });
        let mut answer = String::new();
        let _ = within(reader.read_to_string(&mut answer)).await;
        assert!(answer.starts_with(wanted), "{wanted}: {answer:?}");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
        assert!(head.contains("application/problem+json"), "{head}");
        let problem: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert!(
            problem["detail"]
                .as_str()
                .is_some_and(|detail| !detail.is_empty()),
            "{body}"
        );
        drop(within(writing).await);
    }
    server.assert_unharmed().await;
}

#[tokio::test]
async fn a_stop_lets_responses_finish_and_then_cuts_them_off() {
    let server = Server::start(short()).await;
    let mut finishing = server.sent("GET /feed HTTP/1.1\r\nhost: x\r\n\r\n").await;
    server.feed.send("one").expect("the feed is read");
    read_until(&mut finishing, "one").await;
    let mut endless = server
        .sent("GET /endless HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    read_until(&mut endless, "xxx").await;
    server.stop.cancel();
    let Server {
        addr, task, feed, ..
    } = server;
    feed.send("two").expect("the feed is read");
    drop(feed);
    let rest = read_to_end(&mut finishing).await;
    assert!(
        rest.contains("two") && rest.ends_with("0\r\n\r\n"),
        "{rest:?}"
    );
    within(task).await.expect("no panic");
    read_to_end(&mut endless).await;
    assert!(
        TcpStream::connect(addr).await.is_err(),
        "nobody listens any more"
    );
}
