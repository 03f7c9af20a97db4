//! HTTP/2 without TLS, by prior knowledge.

use http::{Request, Response, Version};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::server::{RUN, Server};
use crate::within;

struct Client {
    sender: SendRequest<Empty<Bytes>>,
    addr: std::net::SocketAddr,
}

impl Client {
    async fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(server.addr)
            .await
            .expect("the server accepts");
        let io = TokioIo::new(stream);
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io);
        let (sender, connection) = within(handshake).await.expect("HTTP/2");
        tokio::spawn(connection);
        Self {
            sender,
            addr: server.addr,
        }
    }

    async fn get(&mut self, target: &str) -> Response<Incoming> {
        let uri = format!("http://{}{target}", self.addr);
        let request = Request::get(uri).body(Empty::new()).expect("a request");
        within(self.sender.send_request(request))
            .await
            .expect("an answer")
    }
}

#[tokio::test]
async fn trailers_come_without_being_asked_for() {
    let server = Server::start().await;
    let mut client = Client::connect(&server).await;
    let response = client.get(&format!("{RUN}?action=run")).await;
    assert_eq!(
        (response.status().as_u16(), response.version()),
        (200, Version::HTTP_2)
    );
    let container = server.theatre.container().await;
    container.print("over two").end(4);
    let whole = within(response.into_body().collect())
        .await
        .expect("a whole body");
    let trailers = whole.trailers().cloned().expect("trailers");
    assert_eq!(trailers["dogi-state"], "failed");
    assert_eq!(trailers["dogi-exit-code"], "4");
    assert!(String::from_utf8_lossy(&whole.to_bytes()).contains("over two"));
}

#[tokio::test]
async fn a_stream_that_is_reset_ends_its_attached_job_and_no_other() {
    let server = Server::start().await;
    let mut client = Client::connect(&server).await;
    let attached = client.get(&format!("{RUN}?action=run&attach=1")).await;
    let container = server.theatre.container().await;
    let other = client.get(&format!("{RUN}?action=run&id=other")).await;
    let goes_on = server.theatre.container().await;
    drop(attached);
    container.gone().await;
    goes_on.print("same connection").end(0);
    let body = within(other.into_body().collect())
        .await
        .expect("a whole body")
        .to_bytes();
    assert!(String::from_utf8_lossy(&body).contains("same connection"));
}

#[tokio::test]
async fn a_failed_job_resets_its_stream_where_that_is_wanted() {
    let server = Server::start().await;
    let mut client = Client::connect(&server).await;
    let response = client.get(&format!("{RUN}?action=run&on_fail=abort")).await;
    server.theatre.container().await.print("all of it").end(1);
    let mut body = response.into_body();
    let mut text = String::new();
    let failed = loop {
        match within(body.frame()).await {
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                text.push_str(&String::from_utf8_lossy(&data));
            }
            Some(Err(_)) => break true,
            None => break false,
        }
    };
    assert!(failed && text.contains("all of it"), "{text}");
}
